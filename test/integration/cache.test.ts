import { chmodSync, cpSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { BuildEvent } from '../../src/events/event.ts';
import { type Built, TestBuilds } from '../support/build.ts';
import { whyNoSandbox } from '../support/sandbox.ts';

let builds: TestBuilds;

beforeEach(async (ctx) => {
  const why = whyNoSandbox();
  if (why !== undefined) return ctx.skip(why);
  builds = await TestBuilds.create({}, { network: 'host' });
  builds.write({ 'package.json': '{}', 'src/main.js': 'one', 'src/other.js': 'other' });
});
afterEach(() => builds?.remove());

const build: TestBuilds['build'] = (dockerfile, options) => builds.build(dockerfile, options);

/** Titles of the steps whose instruction was carried out. */
const done = ({ outcomes }: Built): string[] =>
  Object.entries(outcomes)
    .filter(([, outcome]) => outcome === 'done')
    .map(([title]) => title);

/** What came of the steps, without the base images. */
const outcomes = (built: Built): string[] =>
  Object.entries(built.outcomes)
    .filter(([title]) => !title.startsWith('FROM '))
    .map(([, outcome]) => outcome);

/** Builds, changes something, builds again: what came of each step then. */
async function again(
  dockerfile: string,
  change: () => void,
  later: Parameters<typeof build>[1] = {},
): Promise<{ first: Built; second: Built }> {
  const first = await build(dockerfile);
  change();
  return { first, second: await build(dockerfile, later) };
}

const RANDOM = 'cat /proc/sys/kernel/random/uuid';

describe('a step is cached', () => {
  const dockerfile = `FROM base\nCOPY src /src/\nRUN ${RANDOM} > /made\nCOPY package.json /`;

  test.for<[what: string, change: () => void]>([
    ['when nothing changed', () => {}],
    [
      'when only times of files changed',
      () => {
        utimesSync(join(builds.context, 'src/main.js'), 1, 2);
        utimesSync(join(builds.context, 'src'), 1, 2);
      },
    ],
    ['when a file was written anew with the same content', () => builds.write({ 'src/main.js': 'one' })],
    ['when files changed that nothing selects', () => builds.write({ 'docs/readme.md': 'new' })],
    [
      'when the whole context was deleted and made again',
      () => {
        const copy = join(builds.folder, 'copy');
        cpSync(builds.context, copy, { recursive: true });
        rmSync(builds.context, { recursive: true });
        cpSync(copy, builds.context, { recursive: true });
      },
    ],
  ])('%s', async ([, change]) => {
    const { first, second } = await again(dockerfile, change);
    expect(outcomes(second)).toEqual(['cached', 'cached', 'cached']);
    expect(second.digest).toBe(first.digest);
  });

  test('when the same files are in another context', async () => {
    const first = await build(dockerfile);
    const copy = join(builds.folder, 'elsewhere');
    cpSync(builds.context, copy, { recursive: true });
    const second = await build(dockerfile, { context: copy });
    expect(second.digest).toBe(first.digest);
  });

  test('when an ignored file changed', async () => {
    builds.write({ '.dockerignore': '**/*.log\n', 'src/a.log': '1' });
    const { second } = await again(dockerfile, () => builds.write({ 'src/a.log': '2', 'src/b.log': '3' }));
    expect(outcomes(second)).toEqual(['cached', 'cached', 'cached']);
  });

  test('when only metadata of the image changed', async () => {
    const first = await build(`${dockerfile}\nCMD ["a"]\nLABEL a=b`);
    const second = await build(`${dockerfile}\nCMD ["c"]\nEXPOSE 80\nHEALTHCHECK NONE`);
    expect(outcomes(second)).toEqual(['cached', 'cached', 'cached']);
    expect(second.blobs).toEqual(first.blobs);
    expect(second.digest).not.toBe(first.digest);
  });

  test('in builds with another target, and in another Dockerfile', async () => {
    const text = `FROM base AS a\nRUN ${RANDOM} > /made\nFROM a AS b\nCOPY package.json /`;
    const first = await build(text, { target: 'a' });
    const second = await build(text);
    expect(outcomes(second)).toEqual(['cached', 'done']);
    const third = await build(`FROM base\n\n# the same\nRUN   ${RANDOM} > /made`);
    expect(outcomes(third)).toEqual(['cached']);
    expect(third.blobs).toEqual(first.blobs);
  });
});

describe('a step is carried out again', () => {
  const dockerfile = 'FROM base\nCOPY src /src/\nRUN cat /src/main.js > /made';

  test.for<[what: string, change: () => void]>([
    ['when a file changed', () => builds.write({ 'src/main.js': 'two' })],
    [
      'when a file changed and kept its size and time',
      () => {
        const path = join(builds.context, 'src/main.js');
        utimesSync(path, 1, 1);
        writeFileSync(path, 'eno');
        utimesSync(path, 1, 1);
      },
    ],
    ['when a mode changed', () => chmodSync(join(builds.context, 'src/main.js'), 0o755)],
    ['when a file was added', () => builds.write({ 'src/new.js': 'new' })],
    ['when a file was removed', () => rmSync(join(builds.context, 'src/other.js'))],
  ])('%s', async ([, change]) => {
    const { first, second } = await again(dockerfile, change);
    expect(outcomes(second)).toEqual(['done', 'done']);
    expect(second.digest).not.toBe(first.digest);
  });

  test('when the instruction changed, and those after it whose tree is another', async () => {
    await build('FROM base\nRUN echo 1 > /one\nRUN ls / > /list');
    expect(outcomes(await build('FROM base\nRUN echo 2 > /one\nRUN ls / > /list'))).toEqual(['done', 'done']);
  });

  test('with --no-cache, all of them', async () => {
    const text = `FROM base\nCOPY src /src/\nRUN ${RANDOM} > /made`;
    const { first, second } = await again(text, () => {}, { noCache: true });
    expect(outcomes(second)).toEqual(['done', 'done']);
    expect(second.blobs[1]).toBe(first.blobs[1]);
    expect(second.blobs[2]).not.toBe(first.blobs[2]);
    // What it made is what later builds find.
    expect((await build(text)).digest).toBe(second.digest);
  });
});

describe('build arguments, variables and secrets', () => {
  const text = 'FROM base\nRUN echo before\nARG USED=default\nARG OTHER\nRUN echo "$USED"\nCOPY src /src/';

  test('a RUN after ARG depends on its value, one before it does not, COPY does not', async () => {
    await build(text, { buildArgs: { USED: 'a' } });
    expect(outcomes(await build(text, { buildArgs: { USED: 'b' } }))).toEqual(['cached', 'done', 'reused']);
    expect(outcomes(await build(text, { buildArgs: { USED: 'a' } }))).toEqual(['cached', 'cached', 'cached']);
  });

  test('an argument that no ARG declares changes nothing', async () => {
    const first = await build(text);
    const second = await build(text, { buildArgs: { UNKNOWN: 'x' } });
    expect(second.digest).toBe(first.digest);
    expect(second.warnings.map(({ code }) => code)).toEqual(['UnusedBuildArg']);
  });

  test('an ENV changes the commands after it and no copies', async () => {
    const withEnv = (value: string) =>
      `FROM base\nENV A=${value}\nCOPY src /src/\nRUN echo "$A"\nCOPY package.json /`;
    await build(withEnv('1'));
    expect(outcomes(await build(withEnv('2')))).toEqual(['cached', 'done', 'reused']);
  });

  test('the order of arguments does not matter', async () => {
    await build('FROM base\nARG A=1\nARG B=2\nRUN echo "$A$B"');
    expect(outcomes(await build('FROM base\nARG B=2\nARG A=1\nRUN echo "$A$B"'))).toEqual(['cached']);
  });

  test('proxies reach the command, and are no part of the key', async () => {
    const proxied = 'FROM base\nRUN echo "$HTTP_PROXY" > /proxy';
    const options = (host: string) => ({ buildArgs: { HTTP_PROXY: `http://${host}:1` } });
    const first = await build(proxied, options('one'));
    const second = await build(proxied, options('two'));
    expect(outcomes(second)).toEqual(['cached']);
    expect(second.digest).toBe(first.digest);
    expect(JSON.stringify(first.config)).not.toContain('http://one');
  });

  test('the content of a secret is no part of the key', async () => {
    const secret = 'FROM base\nRUN --mount=type=secret,id=s wc -c < /run/secrets/s > /size';
    await build(secret, { secrets: { s: { value: 'one' } } });
    expect(outcomes(await build(secret, { secrets: { s: { value: 'three' } } }))).toEqual(['cached']);
  });
});

describe('layers float', () => {
  test('a COPY is reused byte for byte on changed layers', async () => {
    const on = (n: number) =>
      `FROM base\nRUN echo ${n} > /n\nCOPY src /src/\nCOPY --chown=node package.json /home/node/`;
    const first = await build(on(1));
    const second = await build(on(2));
    expect(outcomes(second)).toEqual(['done', 'reused', 'reused']);
    expect(second.blobs.slice(2)).toEqual(first.blobs.slice(2));
    expect(second.blobs[1]).not.toBe(first.blobs[1]);
    expect(Object.values(second.layers).slice(2)).toEqual(Object.values(first.layers).slice(2));
    expect(second.events.filter(({ type }) => type === 'export.layer')).toHaveLength(1);
  });

  test('not when the destination becomes something else', async () => {
    const on = (command: string) => `FROM base\nRUN ${command}\nCOPY src/main.js /there`;
    await build(on('true'));
    expect(outcomes(await build(on('mkdir /there')))).toEqual(['done', 'done']);
  });

  test('not when the name of the owner gets another number', async () => {
    const on = (uid: number) =>
      `FROM base\nRUN printf "\\nme:x:${uid}:${uid}::/:/bin/sh\\n" >> /etc/passwd\nCOPY --chown=me src /src/`;
    await build(on(1234));
    expect(outcomes(await build(on(1235)))).toEqual(['done', 'done']);
    expect(outcomes(await build(`${on(1235)}\nRUN true`))).toEqual(['cached', 'cached', 'done']);
  });

  test('WORKDIR is reused, too', async () => {
    const on = (n: number) => `FROM base\nRUN echo ${n} > /n\nWORKDIR /app\nCOPY src .`;
    await build(on(1));
    expect(outcomes(await build(on(2)))).toEqual(['done', 'reused', 'reused']);
  });
});

describe('a change that makes no difference ends where it ends', () => {
  const staged = `FROM base AS build
COPY src /src/
RUN cp /src/main.js /out
FROM base
COPY --from=build /out /app/
RUN ${RANDOM} > /made`;

  test('a stage built again to the same content changes nothing after it', async () => {
    const { first, second } = await again(staged, () => builds.write({ 'src/other.js': 'changed' }));
    expect(outcomes(second)).toEqual(['done', 'done', 'reused', 'reused']);
    expect(second.blobs).toEqual(first.blobs);
    expect(second.digest).toBe(first.digest);
    // The next time it is known from the start, without the stage.
    expect(outcomes(await build(staged))).toEqual(['cached', 'cached', 'cached', 'cached']);
  });

  test('a stage with another content reruns those after it', async () => {
    const { second } = await again(staged, () => builds.write({ 'src/main.js': 'changed' }));
    expect(outcomes(second)).toEqual(['done', 'done', 'done', 'done']);
  });

  test('a command on a tree that was made differently and is the same', async () => {
    await build('FROM base\nRUN echo 1 > /n\nRUN ls / > /list');
    const second = await build('FROM base\nRUN echo $((2 - 1)) > /n\nRUN ls / > /list');
    expect(outcomes(second)).toEqual(['done', 'reused']);
  });
});

describe('only needed work is done', () => {
  test('a stage that the target does not reach is not built', async () => {
    const built = await build(
      `FROM base AS unused\nRUN false\nFROM base AS used\nRUN true\nFROM used\nCOPY src /src/`,
    );
    expect(done(built)).toEqual(['RUN true', 'COPY src /src/']);
    const target = await build('FROM base AS a\nRUN echo a\nFROM base AS b\nRUN false', { target: 'A' });
    expect(done(target)).toEqual(['RUN echo a']);
  });

  test('a file that no instruction reads need not be readable', async () => {
    builds.write({ 'locked/file': '' });
    chmodSync(join(builds.context, 'locked'), 0);
    expect(done(await build('FROM scratch\nCOPY package.json /'))).toEqual(['COPY package.json /']);
    chmodSync(join(builds.context, 'locked'), 0o755);
  });

  test('independent stages run side by side', async () => {
    const built = await build(
      'FROM base AS a\nRUN sleep 0.3; : a\nFROM base AS b\nRUN sleep 0.3; : b\nFROM base\nCOPY --from=a /usr/a /\nCOPY --from=b /usr/b /',
    );
    const times = (type: BuildEvent['type'], step: string) =>
      built.events.findIndex((event) => event.type === type && 'step' in event && event.step === step);
    expect(times('step.started', 'b/2')).toBeLessThan(times('step.finished', 'a/2'));
    expect(times('step.started', 'a/2')).toBeLessThan(times('step.finished', 'b/2'));
  });

  test('a stage that fails ends the others at once', async () => {
    const error = await builds.failure(
      `FROM base AS slow\nRUN sleep 1000\nFROM base AS bad\nRUN sleep 0.3; exit 7\nFROM base\nCOPY --from=slow / /\nCOPY --from=bad / /`,
    );
    expect(error).toMatchObject({ code: 'RUN_FAILED', details: { exitCode: 7 } });
    expect(builds.temporaries()).toEqual([]);
  });
});
