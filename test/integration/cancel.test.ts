import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Ended, ended, remains, TestBuilds } from '../support/build.ts';
import { eventually, marker, whyNoSandbox } from '../support/sandbox.ts';

let builds: TestBuilds;
let mark: string;

beforeEach(async (ctx) => {
  const why = whyNoSandbox();
  if (why !== undefined) return ctx.skip(why);
  builds = await TestBuilds.create({});
  mark = marker();
});
afterEach(() => builds?.remove());

interface Interrupted extends Ended {
  /** What was there the moment when the command had ended. */
  remains: string[];
  temporaries: string[];
}

/** Interrupts a build as soon as it shows some text, or as soon as something is so. */
async function interrupt(
  dockerfile: string,
  when: string | (() => boolean),
  signal: (child: ChildProcess) => void = (child) => child.kill('SIGINT'),
): Promise<Interrupted> {
  builds.write({ Dockerfile: dockerfile });
  const child = builds.start(['build', '--progress=plain', `--build-arg=MARKER=${mark}`, builds.context]);
  const end = ended(child);
  let shown = '';
  child.stderr?.on('data', (text) => {
    shown += text;
  });
  const isTime = typeof when === 'string' ? () => shown.includes(when) : when;
  await eventually(`it is time to interrupt; the build says ${shown}`, () => {
    if (child.exitCode !== null) throw new Error(`the build ended: ${shown}`);
    return isTime();
  });
  signal(child);
  const result = await end;
  return { ...result, remains: remains(builds.home, mark), temporaries: builds.temporaries() };
}

const NOTHING = { code: 130, signal: null, remains: [], temporaries: [] };

/** Names of the files that a worker is writing just now. */
const beingWritten = (kind: string) => () =>
  builds
    .temporaries()
    .some((name) =>
      readdirSync(join(builds.store.layout.temporary, name)).some((file) => file.endsWith(`-${kind}`)),
    );

function writeBig(name: string, bytes: number): void {
  const path = join(builds.context, name);
  writeFileSync(path, randomBytes(1 << 20));
  truncateSync(path, bytes);
}

describe('Ctrl-C', () => {
  test('ends a command that ignores signals, and its children', async () => {
    const result = await interrupt(
      `FROM base
      ARG MARKER
      RUN (setsid sleep 1000 </dev/null >/dev/null 2>&1 &); sleep 1000 & trap "" INT TERM HUP; echo start""ed; while :; do sleep 1; done`,
      ' started',
    );
    expect(result).toMatchObject(NOTHING);
    expect(result.err).toMatch(/error: the build was interrupted\n$/);
    expect(await builds.run(['doctor', '--store'])).toMatchObject({ code: 0 });
  });

  test('from a terminal reaches all processes at once, and is handled once', async () => {
    const result = await interrupt(
      'FROM base\nARG MARKER\nRUN echo start""ed; sleep 1000',
      ' started',
      (child) => process.kill(-child.pid!, 'SIGINT'),
    );
    expect(result).toMatchObject(NOTHING);
  });

  test('ends all stages', async () => {
    const result = await interrupt(
      `FROM base AS a
      ARG MARKER
      RUN echo a start""ed; sleep 1000
      FROM base AS b
      ARG MARKER
      RUN echo b start""ed; sleep 1000
      FROM base
      COPY --from=a / /
      COPY --from=b / /`,
      ' started',
    );
    expect(result).toMatchObject(NOTHING);
  });

  test('ends the packing of a layer', async () => {
    writeBig('big', 2 ** 28);
    expect(await interrupt('FROM scratch\nCOPY big /\n', beingWritten('blob'))).toMatchObject(NOTHING);
  });

  test('ends the making of a directory', async () => {
    const files: Record<string, string> = {};
    for (let i = 0; i < 6_000; i++) files[`many/${i % 100}/${i}`] = String(i);
    builds.write(files);
    expect(await interrupt('FROM base\nCOPY many /many\nRUN true\n', beingWritten('dir'))).toMatchObject(
      NOTHING,
    );
  });

  test('ends the hashing of the context', async () => {
    writeBig('big', 2 ** 33);
    expect(await interrupt('FROM scratch\nCOPY big /\n', 'building Dockerfile')).toMatchObject(NOTHING);
  });

  test('a second signal does not wait; the next build sweeps the leftovers', async () => {
    const result = await interrupt(
      'FROM base\nARG MARKER\nRUN echo start""ed; sleep 1000',
      ' started',
      (child) => {
        child.kill('SIGINT');
        child.kill('SIGTERM');
      },
    );
    expect(result).toMatchObject({ code: 130, signal: null });
    await eventually('nothing runs any more', () => remains(builds.home, mark).length === 0);
    expect(await builds.run(['doctor', '--store'])).toMatchObject({ code: 0 });
    builds.write({ Dockerfile: 'FROM base\nRUN true\n' });
    expect(await builds.run(['build', builds.context])).toMatchObject({ code: 0 });
    expect(builds.temporaries()).toEqual([]);
  });

  test('keeps finished steps: the next build continues after them', async () => {
    const dockerfile =
      'FROM base\nARG MARKER\nRUN echo one > /one\nRUN echo start""ed; [ -e /go ] || sleep 1000';
    await interrupt(dockerfile, ' started');
    const { outcomes } = await builds.build(dockerfile.replace('sleep 1000', 'true'), {
      buildArgs: { MARKER: mark },
    });
    expect(Object.values(outcomes)).toEqual(['cached', 'cached', 'done']);
  });
});

test('a build of the library is cancelled by its signal, and rejects with INTERRUPTED', async () => {
  const cancel = new AbortController();
  const error = await builds.failure('FROM base\nRUN echo started; sleep 1000', {
    signal: cancel.signal,
    onEvent: (event) => event.type === 'step.output' && cancel.abort(),
  });
  expect(error).toMatchObject({ code: 'INTERRUPTED', exitCode: 130 });
  const before = await builds.failure('FROM base\n', { signal: AbortSignal.abort() });
  expect(before.code).toBe('INTERRUPTED');
  expect(builds.temporaries()).toEqual([]);
});
