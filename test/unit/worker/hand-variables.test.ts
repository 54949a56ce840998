import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { carriers, handOver } from '../../../src/worker/hand-variables.ts';

const ENV = '/usr/bin/env';
const SHELLS: string[][] = [['/bin/sh'], ['/bin/dash'], ['/bin/bash', '--posix'], ['/bin/busybox', 'sh']];

/** What a shell that was handed the variables makes the environment of a program, and the words it does that with. */
function handed([shell, ...options]: string[], environment: string[]) {
  const { exports, words } = handOver(environment);
  const script = [...exports, `exec ${ENV} ${words.join(' ')} ${ENV} -0`].join('\n');
  const out = execFileSync(shell!, [...options, '-c', script], {
    env: { PATH: '/usr/bin', LC_ALL: 'C', JETTISON_SCRIPT: 'x', ...carriers(environment) },
    encoding: 'utf8',
    // From a socket bash believes to be called by another machine, and reads its start files.
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return { out: out.split('\0').slice(0, -1).sort(), script };
}

const ENVIRONMENTS: [string, string[]][] = [
  ['ordinary variables', ['PATH=/bin', 'HOME=/root', 'TOKEN=a b']],
  ['values of all kinds', ['A=', 'B==x=', 'C=\'"$HOME`id`\\', 'D=a\nb\n', 'E=*', 'F= x ']],
  [
    'names that mean something to shells',
    ['IFS=x', 'PWD=/a', 'OPTIND=x', 'PS4=p', 'UID=1', 'SHLVL=9', '_=x'],
  ],
  ['names that are none to shells', ['a.b=1', 'a-b=2', '1=3', 'ü=4']],
  ['names that are ours', ['JETTISON_0=a', 'JETTISON_1=b', 'JETTISON_SCRIPT=c', 'LC_ALL=de', 'PATH=/x']],
  ['nothing', []],
];

describe.each(SHELLS.filter(([shell]) => existsSync(shell!)))('variables handed over by %s', (...shell) => {
  it.each(ENVIRONMENTS)('%s', (_, environment) => {
    expect(handed(shell.filter(Boolean), environment).out).toEqual([...environment].sort());
  });
});

it('no value stands in what is executed', () => {
  expect(handed(['/bin/sh'], ['TOKEN=hidden', 'a.b=hidden']).script).not.toContain('hidden');
});
