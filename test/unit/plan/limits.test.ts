import { describe, expect, test } from 'vitest';
import { parseDockerfile } from '../../../src/dockerfile/parse.ts';
import { JettisonError } from '../../../src/errors/error.ts';
import type { PlanInput } from '../../../src/plan/input.ts';
import { planBuild, planInTurns } from '../../../src/plan/planner.ts';

const platform = { os: 'linux', architecture: 'amd64' };

function input(text: string): PlanInput {
  return {
    dockerfile: parseDockerfile(text, 'Dockerfile'),
    buildArgs: {},
    labels: {},
    platform,
    buildPlatform: platform,
    network: 'host',
    images: new Map(),
  };
}

function plan(text: string) {
  const result = planBuild(input(text));
  if (result.kind !== 'plan') throw new Error('bases are missing');
  return result.plan;
}

function refusal(text: string): JettisonError {
  try {
    plan(text);
  } catch (error) {
    if (error instanceof JettisonError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

const lines = (count: number, line: (i: number) => string) =>
  Array.from({ length: count }, (_, i) => `${line(i)}\n`).join('');

describe('long Dockerfiles', () => {
  // With work that grows with the square of the length, these take minutes.
  test('may have very many lines of every kind', () => {
    const count = 20_000;
    expect(plan(`FROM scratch\n${lines(count, () => '# x')}LABEL a=b\n`).target.config.Labels).toEqual({
      a: 'b',
    });
    const env = plan(`FROM scratch\n${lines(count, (i) => `ENV k${i}=v`)}ENV k7=w\n`).target.config.Env!;
    expect(env).toHaveLength(count + 1);
    expect(env[8]).toBe('k7=w');
    const { Labels, ExposedPorts, Volumes, OnBuild } = plan(
      `FROM scratch\n${lines(count, (i) => `LABEL k${i}=v`)}${lines(9000, (i) => `EXPOSE ${i + 1}`)}` +
        `${lines(9000, (i) => `VOLUME /v${i}`)}${lines(9000, () => 'ONBUILD RUN x')}`,
    ).target.config;
    expect(Object.keys(Labels!)).toHaveLength(count);
    expect(Object.keys(ExposedPorts!)).toHaveLength(9000);
    expect(Object.keys(Volumes!)).toHaveLength(9000);
    expect(OnBuild).toHaveLength(9000);
  });

  test('may have very many stages, each on the one before', () => {
    const text = `FROM scratch AS s0\n${lines(10_000, (i) => `FROM s${i} AS s${i + 1}`)}LABEL a=b\n`;
    expect(plan(text).stages).toHaveLength(10_001);
  });

  test('keep "__proto__" as the name of a label', () => {
    expect(
      Object.entries(plan('FROM scratch\nLABEL __proto__=x a=b\nLABEL c=d\n').target.config.Labels!),
    ).toEqual([
      ['__proto__', 'x'],
      ['a', 'b'],
      ['c', 'd'],
    ]);
  });

  test('leave the config of the stage below as it is', () => {
    const { stages } = plan(
      'FROM scratch AS a\nLABEL a=1\nEXPOSE 1\nVOLUME /a\nONBUILD LABEL x=1\nENV a=1\n' +
        'FROM a\nLABEL b=2\nEXPOSE 2\nVOLUME /b\nENV b=2 a=2\n',
    );
    const [below, above] = stages.map(({ config }) => config);
    expect(below).toMatchObject({ Labels: { a: '1' }, ExposedPorts: { '1/tcp': {} }, Volumes: { '/a': {} } });
    expect(below!.Env).toContain('a=1');
    expect(below!.Env).not.toContain('b=2');
    expect(above!.Labels).toEqual({ a: '1', x: '1', b: '2' });
    expect(above!.Env).toContain('a=2');
  });

  test('show arguments in the history of a RUN with the values they have there', () => {
    const { target } = plan(
      'FROM scratch\nARG a=1\nARG b\nRUN x\nARG a=2\nENV b=3\nRUN y\nARG c=4\nENV d=5\nRUN z\n',
    );
    const runs = target.history.map(({ createdBy }) => createdBy).filter((text) => text.startsWith('RUN'));
    expect(runs).toEqual([
      'RUN |2 a=1 b= /bin/sh -c x # buildkit',
      'RUN |2 a=2 b=3 /bin/sh -c y # buildkit',
      'RUN |3 a=2 b=3 c=4 /bin/sh -c z # buildkit',
    ]);
  });
});

describe('values that grow', () => {
  test.each([
    [
      'doubling',
      `FROM scratch\nENV a=0123456789abcdef\n${'ENV a=$a$a\n'.repeat(64)}`,
      'ENVIRONMENT_TOO_LARGE',
    ],
    [
      'many times in one word',
      `FROM scratch\nENV a=${'x'.repeat(60_000)}\nENV b=${'$a'.repeat(20_000)}\n`,
      'VARIABLE_TOO_LARGE',
    ],
    [
      'in a label',
      `FROM scratch\nENV a=${'x'.repeat(60_000)}\nENV b=${'$a'.repeat(20)}\nLABEL b=${'$b'.repeat(1000)}\n`,
      'VARIABLE_TOO_LARGE',
    ],
    [
      'by a replacement',
      `FROM scratch\nENV a=${'x'.repeat(60_000)}\nENV b=\${a//x/${'y'.repeat(4000)}}\n`,
      'VARIABLE_TOO_LARGE',
    ],
    ['in every RUN', `FROM scratch\n${lines(20_000, (i) => `ARG k${i}=v\nRUN x`)}`, 'PLAN_TOO_LARGE'],
    [
      'in every stage',
      `FROM scratch AS s0\n${lines(10_000, (i) => `FROM s${i} AS s${i + 1}\nENV k${i}=v`)}`,
      'PLAN_TOO_LARGE',
    ],
  ])(
    '%s are refused at their place',
    (_, text, code) => {
      const error = refusal(text);
      expect(error.code).toBe(code);
      expect(error.location?.line).toBeGreaterThan(1);
      expect(error.message.length).toBeLessThan(500);
    },
    60_000,
  );

  test('are accepted up to some megabytes', () => {
    const text = `FROM scratch\nENV a=0123456789abcdef\n${'ENV a=$a$a\n'.repeat(16)}RUN x\n`;
    expect(plan(text).target.config.Env!.at(-1)).toHaveLength(2 + 2 ** 20);
  });
});

describe('${…}', () => {
  test('may be nested, but not without end', () => {
    const nested = (depth: number) => `FROM scratch\nENV a=${'${a:-'.repeat(depth)}x${'}'.repeat(depth)}\n`;
    expect(plan(nested(150)).target.config.Env!.at(-1)).toBe('a=x');
    const error = refusal(nested(5000));
    expect(error.code).toBe('VARIABLE_SYNTAX');
    expect(error.message).toContain('nested');
    expect(error.location?.line).toBe(2);
  });

  test('compares patterns of many wildcards with long values', () => {
    const value = 'a'.repeat(40_000);
    const text = `FROM scratch\nENV a=${value}\nENV b=\${a//*a*a*a*b/x} c=\${a%%*a*a*a*b} d=\${a##a*a*?}\n`;
    expect(plan(text).target.config.Env!.slice(-3)).toEqual([`b=${value}`, `c=${value}`, 'd=']);
  });
});

test('planning lets others have their turn, and can be given up', async () => {
  const long = input(`FROM scratch\n${lines(60_000, (i) => `ENV k${i}=\${a:-v}`)}`);
  const stop = new AbortController();
  setImmediate(() => stop.abort(new Error('stopped')));
  await expect(planInTurns(long, stop.signal)).rejects.toThrow('stopped');
});
