import { existsSync } from 'node:fs';
import { posix, resolve } from 'node:path';
import { JettisonError } from '../errors/error.ts';
import type { ExecMount } from '../protocol/exec-request.ts';

const TMPFS_FLAG = /^(ro|rw|exec|noexec|suid|nosuid|nodev|noatime|relatime)$/;
const TMPFS_VALUE = /^(?:(?:size|nr_blocks|nr_inodes)=\d+[kmg%]?|mode=[0-7]{1,4}|[ug]id=\d+)$/i;

/**
 * Parses `--tmpfs PATH[:OPTIONS]`.
 *
 * @throws JettisonError `MOUNT_OPTION`
 */
export function tmpfsMount(text: string): ExecMount {
  const colon = text.indexOf(':');
  const target = absolute(colon < 0 ? text : text.slice(0, colon), text);
  const options = colon < 0 ? [] : text.slice(colon + 1).split(',');
  for (const option of options) {
    if (TMPFS_FLAG.test(option) || TMPFS_VALUE.test(option)) continue;
    throw new JettisonError('MOUNT_OPTION', `unknown tmpfs option "${option}"`, {
      hint: 'Options are size=64m, mode=1777, uid=, gid=, nr_inodes=, ro and exec, e.g. --tmpfs /run:size=64m,mode=755.',
    });
  }
  return { type: 'tmpfs', target, options };
}

/**
 * Parses `-v`: `SOURCE:TARGET[:ro]` is a folder or file of this machine; `TARGET` alone makes the image's own path
 * writable.
 *
 * @param cwd base of a relative SOURCE, which starts with `.`
 * @throws JettisonError `MOUNT_OPTION`, `MOUNT_SOURCE`
 */
export function volumeMount(text: string, cwd: string): ExecMount {
  const [first = '', second, options = '', ...rest] = text.split(':');
  if (rest.length > 0) throw new JettisonError('MOUNT_OPTION', `invalid volume "${text}"`, { hint: FORM });
  if (second === undefined) return { type: 'volume', target: absolute(first, text) };
  if (!/^[./~]/.test(first)) {
    throw new JettisonError('MOUNT_SOURCE', `named volumes are not supported: "${first}"`, {
      hint: `Name a folder of this machine: -v ./${first}:${second}.`,
    });
  }
  const source = resolve(cwd, first);
  if (!existsSync(source)) {
    throw new JettisonError('MOUNT_SOURCE', `${source} does not exist`, { hint: 'Make it first: mkdir -p.' });
  }
  for (const option of options === '' ? [] : options.split(',')) {
    if (option === 'ro' || option === 'rw') continue;
    throw new JettisonError('MOUNT_OPTION', `unknown volume option "${option}"`, {
      hint: 'Options are ro and rw.',
    });
  }
  const readonly = options.split(',').includes('ro');
  return { type: 'bind', target: absolute(second, text), source, readonly, recursive: true };
}

const FORM = 'Write -v SOURCE:TARGET, -v SOURCE:TARGET:ro or -v TARGET.';

function absolute(target: string, text: string): string {
  if (!target.startsWith('/')) {
    throw new JettisonError('MOUNT_OPTION', `the container path of "${text}" is not absolute`, {
      hint: 'Write a path that starts with "/".',
    });
  }
  return posix.normalize(target);
}
