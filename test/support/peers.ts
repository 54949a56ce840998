import { execFileSync, spawnSync } from 'node:child_process';
import type { FileFacts } from './file-facts.ts';

/** Docker engines to talk to, as for `docker -H`, separated by blanks; by default the CLI's own. */
export const DOCKERS = process.env['JETTISON_PEER_DOCKERS']?.split(' ') ?? [process.env['DOCKER_HOST'] ?? ''];

/** Arguments of the docker command that lead to an engine. */
export function dockerArguments(engine: string): string[] {
  return engine === '' ? [] : ['-H', engine];
}

/** Whether a program is there and ends well with these arguments. */
export function works(program: string, ...args: string[]): boolean {
  return spawnSync(program, args, { stdio: 'ignore' }).status === 0;
}

/** Standard output of a program that must succeed. */
export function run(program: string, args: string[]): string {
  const stdio: ['ignore', 'pipe', 'pipe'] = ['ignore', 'pipe', 'pipe'];
  return execFileSync(program, args, { encoding: 'utf8', maxBuffer: 1 << 28, stdio });
}

const MOUNTED =
  /^$|^\.dockerenv$|^(dev|proc|sys|data|run)(\/|$)|^etc$|^etc\/(hosts|hostname|resolv\.conf|mtab)$/;

/** Files without what engines mount into every container, and the attributes that `docker export` leaves out. */
export function withoutMounts(facts: Record<string, FileFacts>): Record<string, FileFacts> {
  return Object.fromEntries(
    Object.entries(facts)
      .filter(([path]) => !MOUNTED.test(path))
      .map(([path, { xattrs, ...one }]) => {
        const kept = Object.entries(xattrs ?? {}).filter(([name]) => !name.startsWith('user.'));
        return [path, kept.length === 0 ? one : { ...one, xattrs: Object.fromEntries(kept) }];
      }),
  );
}

/** Bytes of the files in a folder, hard links once. */
export function bytesOfFolder(folder: string): number {
  const list =
    'find . -type f -print0 | du --files0-from=- --apparent-size --block-size=1 --total | tail -1 | cut -f1';
  return Number(execFileSync('sh', ['-c', list], { cwd: folder, encoding: 'utf8' }));
}
