import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { tarMembers } from '../../src/export/tar-members.ts';
import type { TarHeader } from '../../src/layer/tar-read.ts';

/** What a file is, with nothing of where it was read. */
export interface FileFacts extends Omit<TarHeader, 'name' | 'mtimeNs' | 'link'> {
  /** Of a symbolic link. */
  link?: string;
  /** sha256 of a file's content. */
  digest?: string;
  /** All names of a file that has several, sorted. */
  names?: string[];
}

/** What is in a tar, by path without slashes at its ends; the root is the empty path. */
export async function factsOfTar(tar: AsyncIterable<Buffer>): Promise<Record<string, FileFacts>> {
  const facts = new Map<string, FileFacts>();
  const names = new Map<string, string[]>();
  const first = new Map<string, string>();
  for await (const { header, content } of tarMembers(tar)) {
    const { name, mtimeNs: _, link, type, ...rest } = header;
    const path = clean(name);
    if (type === 'hardlink') {
      const target = clean(link!);
      const original = first.get(target) ?? target;
      first.set(path, original);
      names.set(original, [...(names.get(original) ?? [original]), path]);
      continue;
    }
    const one: FileFacts = { type, ...rest };
    if (type === 'symlink') Object.assign(one, { link, mode: 0o777 });
    if (type === 'file') {
      const sum = createHash('sha256');
      for await (const chunk of content) sum.update(chunk);
      one.digest = sum.digest('hex');
    }
    facts.set(path, one);
  }
  for (const [original, all] of names) {
    const one = { ...facts.get(original)!, names: all.sort() };
    for (const path of all) facts.set(path, one);
  }
  return Object.fromEntries([...facts].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** What is in a folder, as GNU tar sees it: with owners, attributes and whole seconds. */
export async function factsOfFolder(folder: string): Promise<Record<string, FileFacts>> {
  const args = ['-C', folder, '--format=posix', '--numeric-owner', '--xattrs', '--xattrs-include=*'];
  return factsOfOutput('tar', [...args, '-cf', '-', '.']);
}

/** What is in the tar that a program writes to its standard output. */
export async function factsOfOutput(program: string, args: string[]): Promise<Record<string, FileFacts>> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (data) => {
    errors += data;
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const facts = await factsOfTar(child.stdout as AsyncIterable<Buffer>);
  const code = await ended;
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}: ${errors}`);
  return facts;
}

function clean(name: string): string {
  return name.replace(/^(\.?\/)+|\/+$/g, '').replace(/^\.$/, '');
}
