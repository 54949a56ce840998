import { describe, expect, test } from 'vitest';
import type { CopyStep, RunStep, Step, WorkdirStep } from '../../../src/plan/plan.ts';
import { instructionOf, stepDefinition, stepKey } from '../../../src/solve/keys.ts';

const place = {
  id: 'build/2',
  title: 'a title',
  location: { file: 'Dockerfile', line: 2, column: 1 },
  source: 'the line',
};
const copy: CopyStep = {
  ...{
    ...place,
    kind: 'copy',
    add: false,
    from: { kind: 'context' },
    sources: ['a'],
    remotes: [],
    heredocs: [],
  },
  ...{ destination: '/a', exclude: [], parents: false, link: false, unpack: false },
};
const workdir: WorkdirStep = { ...place, kind: 'workdir', path: '/a', user: '' };
const run: RunStep = {
  ...{
    ...place,
    kind: 'run',
    args: ['/bin/sh', '-c', 'true'],
    env: ['A=1', 'B=2'],
    hiddenEnv: ['http_proxy=x'],
  },
  ...{ cwd: '/', user: '', network: 'host', mounts: [] },
};
const key = (step: Step) => stepKey(instructionOf(step, 0, { hosts: [], ulimits: [] }), { below: {} });

describe.each<[string, Step]>([
  ['copy', copy],
  ['workdir', workdir],
  ['run', run],
])('the key of %s', (_, step) => {
  test('has everything that a step says, be it ever so new', () => {
    expect(key(Object.assign({ unheardOf: true }, step))).not.toBe(key(step));
  });

  test("does not depend on the instruction's location and title", () => {
    const elsewhere = {
      ...step,
      id: 'other/7',
      title: 'other',
      location: { file: 'F', line: 9, column: 9 },
      source: 'o',
    };
    expect(key(elsewhere)).toBe(key(step));
  });

  test('differs from the definition, and changes with observations and the layers below', () => {
    const instruction = instructionOf(step, 0, { hosts: [], ulimits: [] });
    expect(stepKey(instruction, { below: { a: 'directory' } })).not.toBe(key(step));
    const [first, second] = [key(copy), key(run)];
    expect(stepDefinition(instruction, first, undefined)).not.toBe(
      stepDefinition(instruction, second, undefined),
    );
  });
});

test('proxies are not part of a key, hosts and the order of variables are as they should be', () => {
  expect(key({ ...run, hiddenEnv: [] })).toBe(key(run));
  expect(key({ ...run, env: ['B=2', 'A=1'] })).toBe(key(run));
  for (const settings of [
    { hosts: [['a', '1.2.3.4']] as [string, string][], ulimits: [] },
    { hosts: [], ulimits: [{ name: 'nofile', soft: 5, hard: 5 }] },
    { hosts: [], ulimits: [], shmSize: 4096 },
  ]) {
    expect(stepKey(instructionOf(run, 0, settings), { below: {} })).not.toBe(key(run));
  }
});

test('a mount counts without the files that it shows, and with everything else', () => {
  const mount = { type: 'bind', source: 's', target: '/t', readOnly: true } as const;
  const stage = { name: 'one' } as never;
  const bind = (stageName: never) =>
    key({ ...run, mounts: [{ ...mount, from: { kind: 'stage', stage: stageName } }] });
  expect(bind(stage)).toBe(bind({ name: 'two' } as never));
  expect(key({ ...run, mounts: [{ ...mount, from: { kind: 'context' }, unheardOf: 1 } as never] })).not.toBe(
    key({ ...run, mounts: [{ ...mount, from: { kind: 'context' } }] }),
  );
});
