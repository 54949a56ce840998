import { execFileSync, spawn } from 'node:child_process';
import {
  createReadStream,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hashContextFile } from '../../src/context/hash-file.ts';
import { JettisonError } from '../../src/errors/error.ts';
import type { Output } from '../../src/export/exporters.ts';
import { tarMembers } from '../../src/export/tar-members.ts';
import { TestBuilds } from '../support/build.ts';
import { whyNoSandbox } from '../support/sandbox.ts';
import { SEED } from '../support/seed.ts';
import { sample } from '../support/thorough.ts';

const RACER = fileURLToPath(new URL('../support/context-racer.mjs', import.meta.url));
/** Builds of each kind that race. */
const ROUNDS = Number(process.env['JETTISON_RACES'] ?? 4);
const SECRET = 'outside the context';

let builds: TestBuilds;
beforeAll(async () => {
  builds = await TestBuilds.create(whyNoSandbox() === undefined ? {} : undefined);
});
afterAll(() => builds?.remove());

/** By path: `directory`, `link`, or what a file holds. */
type Contents = Record<string, string>;

function contents(folder: string, below = ''): Contents {
  const found: Contents = {};
  for (const name of readdirSync(join(folder, below)).sort()) {
    const path = join(below, name);
    const stat = lstatSync(join(folder, path));
    if (stat.isDirectory()) Object.assign(found, { [path]: 'directory' }, contents(folder, path));
    else if (stat.isFile()) found[path] = readFileSync(join(folder, path), 'latin1');
    else if (stat.isSymbolicLink()) found[path] = 'link';
  }
  return found;
}

async function contentsOfTar(path: string): Promise<Contents> {
  const found: Contents = {};
  for await (const { header, content } of tarMembers(createReadStream(path) as AsyncIterable<Buffer>)) {
    let text = '';
    for await (const chunk of content) text += chunk.toString('latin1');
    if (header.type === 'file') found[header.name] = text;
    // A further name is one of a file that stands before it.
    if (header.type === 'hardlink' && !(header.link! in found)) throw new Error(`no ${header.link}`);
  }
  return found;
}

/** Builds in one of the ways in which files leave. @returns the files of the image, or the error */
async function attempt(dockerfile: string, way: Output['type']): Promise<Contents | JettisonError> {
  const path = join(builds.folder, 'out');
  rmSync(path, { recursive: true, force: true });
  const options = { reproducible: true };
  const local = [{ type: 'local', path } as const];
  try {
    if (way === 'image') {
      await builds.build(dockerfile, { ...options, tags: ['raced'] });
      await builds.build('FROM raced\n', { ...options, outputs: local });
    } else {
      const outputs = way === 'tar' ? [{ type: 'tar', to: { path } } as const] : local;
      await builds.build(dockerfile, { ...options, outputs });
    }
  } catch (error) {
    if (!(error instanceof JettisonError)) throw error;
    return error;
  }
  return way === 'tar' ? await contentsOfTar(path) : contents(path);
}

/** Tries a Dockerfile again and again while the context changes. */
async function race(dockerfile: string): Promise<void> {
  const outside = join(builds.folder, 'outside');
  for (const folder of [outside, join(builds.context, 'files')])
    rmSync(folder, { recursive: true, force: true });
  for (const folder of [outside, join(builds.context, 'files', 'one', 'deep')]) {
    mkdirSync(folder, { recursive: true });
  }
  for (const name of ['secret', 'secret.tar', 'f0', 'f1', 'f2', 'f3', 'f4', 'f5'])
    writeFileSync(join(outside, name), SECRET);
  const racer = spawn(process.execPath, [RACER, builds.context, outside, String(SEED)], { stdio: 'inherit' });
  const ended = new Promise((resolve) => racer.once('exit', (_code, signal) => resolve(signal)));
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const result = await attempt(dockerfile, (['local', 'tar', 'image'] as const)[round % 3]!);
      if (result instanceof JettisonError) {
        // The racer may rest after it has truncated the archive: what is read then is what is there.
        const isTruncated = dockerfile.includes('archive') && result.code === 'TAR_INVALID';
        if (!isTruncated) {
          expect(result.code).toMatch(
            /^(CONTEXT_CHANGED|COPY_(SOURCE_MISSING|CONFLICT)|SYMLINK_LOOP|MOUNT_SOURCE)$/,
          );
        }
        expect(result.message).toMatch(/files|archive/);
        continue;
      }
      for (const [path, content] of Object.entries(result)) {
        if (!/(^|\/)f\d?$/.test(path) || content === 'directory' || content === 'link') continue;
        expect(content.slice(0, 100)).not.toContain(SECRET);
        expect({ path, letters: new Set(content).size }).toEqual({ path, letters: content === '' ? 0 : 1 });
      }
    }
  } finally {
    racer.kill('SIGKILL');
  }
  expect(await ended).toBe('SIGKILL');
  expect(new Set(Object.values(contents(outside)))).toEqual(new Set([SECRET]));
}

describe('while somebody else changes the context', () => {
  const kinds: [name: string, dockerfile: string][] = [
    ['a COPY of all', 'FROM scratch\nCOPY files /files\n'],
    ['a COPY of a pattern', 'FROM scratch\nCOPY files/*/f* files/f[0-5] /files/\n'],
    ['a COPY with filters', 'FROM scratch\nCOPY --exclude=**/f1 files /files\n'],
    ['a COPY with parents', 'FROM scratch\nCOPY --parents files/**/f2 files/one /\n'],
    ['an ADD', 'FROM scratch\nADD files/f[0-5] /files/\nADD files /files\n'],
    ['an ADD of an archive', 'FROM scratch\nADD archive /files/\n'],
    ['a RUN on a COPY', 'FROM base\nCOPY files /files\nRUN cp -a /files /copy\n'],
    ['a mounted context', 'FROM base\nRUN --mount=type=bind,source=files,target=/mnt cp -a /mnt /copy\n'],
  ];

  const possible = kinds.filter(([, text]) => !text.includes('RUN') || whyNoSandbox() === undefined);
  test.each(sample(possible, 2))(
    '%s ends with a right image or an error that names a file',
    async (_, dockerfile) => {
      await race(dockerfile);
      const still = await attempt('FROM scratch\nCOPY files /\n', 'local');
      expect(still).toEqual(contents(join(builds.context, 'files')));
      const { code, out } = await builds.run(['doctor', '--store', '--deep']);
      expect(code, out).toBe(0);
    },
  );
});

test.each([10, 1 << 20])('a file of %i bytes that has become something else is an error', async (size) => {
  const folder = join(builds.folder, `other-${size}`);
  mkdirSync(folder);
  execFileSync('mkfifo', [join(folder, 'fifo')]);
  for (const path of [folder, join(folder, 'fifo'), join(folder, 'none'), join(folder, 'fifo', 'below')]) {
    await expect(hashContextFile(path, size, 'file')).rejects.toMatchObject({ code: 'CONTEXT_CHANGED' });
  }
});

test('further names of a FIFO are left out of a folder as it is', async () => {
  const files = join(builds.context, 'files');
  rmSync(files, { recursive: true, force: true });
  mkdirSync(files);
  execFileSync('mkfifo', [join(files, 'a')]);
  linkSync(join(files, 'a'), join(files, 'b'));
  writeFileSync(join(files, 'c'), 'c');
  expect(await attempt('FROM scratch\nCOPY files /\n', 'local')).toEqual({ c: 'c' });
});

test('all forms of a layer have the times of its first build', async ({ skip }) => {
  skip(whyNoSandbox() !== undefined, whyNoSandbox());
  builds.write({ small: 's', large: 'l'.repeat(2 << 20) });
  const setTimes = (seconds: number) => {
    for (const name of ['small', 'large']) utimesSync(join(builds.context, name), seconds, seconds);
  };
  const dockerfile = 'FROM base\nCOPY small large /times/\n';
  setTimes(1_600_000_000);
  await builds.build(dockerfile, { tags: ['times'] });
  setTimes(1_500_000_000);
  const { output } = await builds.build(`${dockerfile}RUN stat -c %Y /times/small /times/large\n`);
  expect(output).toBe('1600000000\n1600000000\n');
  expect(await builds.run(['doctor', '--store', '--deep'])).toMatchObject({ code: 0 });
});
