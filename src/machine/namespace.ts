import { spawnSync } from 'node:child_process';
import { userInfo } from 'node:os';
import { JettisonError } from '../errors/error.ts';
import type { Isolation } from '../protocol/rung.ts';
import { freeRange, grantsIn, RANGE_FILES } from './id-ranges.ts';
import { capabilityMask, readText } from './kernel.ts';
import { shortageIn } from './shortage.ts';
import { asRoot, findTool, needTool } from './tools.ts';

const CAP_SYS_ADMIN = 21n;

/** The isolation that this process can request. Only an attempt shows whether the kernel grants it. */
export function chooseIsolation(): Isolation {
  if (process.getuid?.() === 0 && hasCapability(CAP_SYS_ADMIN)) return rootOf(readText('/proc/self/uid_map'));
  return rangeProblem() === undefined ? 'ranges' : 'single';
}

/** The isolation of a process with all capabilities. @param map text of /proc/self/uid_map */
export function rootOf(map: string): 'root' | 'nested' | 'single' {
  const ranges = map
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number));
  const [inside, outside, count] = ranges[0]!;
  if (inside === 0 && outside === 0 && count === 2 ** 32 - 1) return 'root';
  return ranges.length === 1 && count === 1 ? 'single' : 'nested';
}

/** The words to put before a command that is to start in new namespaces. */
export function namespaceCommand(isolation: Isolation): string[] {
  if (isolation === 'none') return [];
  const unshare = needTool('unshare');
  const mounts = ['--mount', '--propagation', 'private', '--uts'];
  if (isolation === 'root' || isolation === 'nested') return [unshare, ...mounts, '--'];
  return [
    unshare,
    '--user',
    '--map-root-user',
    ...(isolation === 'ranges' ? ['--map-auto'] : []),
    ...mounts,
    '--',
  ];
}

/** Why no id ranges can be mapped for this user, and the remedy; undefined if they can. */
export function rangeProblem(): { reason: string; remedy: string } | undefined {
  for (const tool of ['newuidmap', 'newgidmap'] as const) {
    if (findTool(tool) === undefined) {
      return { reason: `${tool} is not installed`, remedy: asRoot('apt-get install uidmap') };
    }
  }
  if (!hasMapAuto())
    return {
      reason: 'unshare is older than util-linux 2.38',
      remedy: asRoot('apt-get install --only-upgrade util-linux'),
    };
  const { username, uid } = userInfo();
  const range = freeRange();
  const remedy = asRoot(`usermod --add-subuids ${range} --add-subgids ${range} ${username}`);
  for (const file of RANGE_FILES) {
    if (!grantsIn(file, [username, String(uid)])) {
      return { reason: `${file} has no range for ${username}`, remedy };
    }
  }
  return undefined;
}

function hasMapAuto(): boolean {
  const { stdout, error } = spawnSync(needTool('unshare'), ['--version'], { encoding: 'utf8' });
  // A shortage of processes or files is not an answer: the worker would use another form of the layers.
  if (error !== undefined) throw isolationError('ranges', error.message);
  const [, major = '0', minor = '0'] = /(\d+)\.(\d+)/.exec(stdout) ?? [];
  return Number(major) > 2 || (Number(major) === 2 && Number(minor) >= 38);
}

/**
 * The error for a worker that could not be started.
 *
 * @param stderr standard error of `unshare`
 */
export function isolationError(isolation: Isolation, stderr: string): JettisonError {
  const text = stderr.trim().split('\n').at(-1) ?? '';
  const shortage = shortageIn(text);
  if (shortage !== undefined) {
    return new JettisonError('NO_NAMESPACES', `the worker cannot be started: ${shortage} (${text})`, {
      hint: 'Build again later, or raise the limit. The failure is not remembered.',
      details: { isolation },
    });
  }
  if (stderr.includes('native Koffi module')) {
    const name = `@koromix/koffi-linux-${process.arch}`;
    return new JettisonError('NATIVE_MISSING', `the package ${name} is missing, which the worker needs`, {
      hint: 'It is an optional dependency: install again without --omit=optional (`npm i -g jettison-build`).',
    });
  }
  return new JettisonError(
    'NO_NAMESPACES',
    `this machine does not let Jettison make ${isolation === 'root' || isolation === 'nested' ? 'a mount namespace' : 'a user namespace'}${
      text === '' ? '' : ` (${text})`
    }`,
    {
      hint: '`jettison doctor` shows the obstacle and the command that removes it.',
      details: { isolation },
    },
  );
}

function hasCapability(bit: bigint): boolean {
  return ((capabilityMask('CapEff') >> bit) & 1n) === 1n;
}
