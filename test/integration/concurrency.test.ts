import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Ended, TestBuilds } from '../support/build.ts';
import { eventually, whyNoSandbox } from '../support/sandbox.ts';

let builds: TestBuilds;

beforeEach(async (ctx) => {
  const why = whyNoSandbox();
  if (why !== undefined) return ctx.skip(why);
  builds = await TestBuilds.create({});
});
afterEach(() => builds?.remove());

/** Two commands that never make the same twice, a copy of each, and files of the context. */
const DOCKERFILE = `
FROM base AS one
RUN echo execu""ted one; cat /proc/sys/kernel/random/uuid > /one; sleep 0.2
FROM base AS two
RUN echo execu""ted two; cat /proc/sys/kernel/random/uuid > /two
FROM base
WORKDIR /app
COPY files ./
COPY --from=one /one .
COPY --from=two /two .
`;

function start(count: number, args: (n: number) => string[]): Promise<Ended[]> {
  return Promise.all(
    Array.from({ length: count }, (_, n) =>
      builds.run(['build', '--progress=plain', ...args(n), builds.context]),
    ),
  );
}

function expectGood(results: Ended[]): void {
  for (const result of results) expect(result).toMatchObject({ code: 0, signal: null });
}

async function expectCleanStore(): Promise<void> {
  expect(await builds.run(['doctor', '--store'])).toMatchObject({ code: 0, err: '' });
  expect(builds.temporaries()).toEqual([]);
}

const imageOf = (name: string) =>
  builds.store.images.get(`docker.io/library/${name}:latest`)?.manifest.digest;

describe('builds of one store at the same time', () => {
  test('of the same Dockerfile run each command once and make the same image', async () => {
    const files: Record<string, string> = { Dockerfile: DOCKERFILE };
    for (let i = 0; i < 300; i++) files[`files/${i}`] = String(i);
    builds.write(files);
    const results = await start(6, (n) => ['-t', `app${n}`]);
    expectGood(results);
    const output = results.map(({ err }) => err).join('');
    expect(output.match(/ executed one/g)).toHaveLength(1);
    expect(output.match(/ executed two/g)).toHaveLength(1);
    const images = [0, 1, 2, 3, 4, 5].map((n) => imageOf(`app${n}`));
    expect(images).toEqual(Array(6).fill(images[0]));
    await expectCleanStore();
  });

  test('of different Dockerfiles do not disturb each other', async () => {
    for (let n = 0; n < 6; n++) {
      builds.write({
        [`Dockerfile${n}`]: `FROM base\nRUN echo ${n} > /n\nCOPY files /files\n`,
        'files/a': 'a',
      });
    }
    expectGood(await start(6, (n) => ['-t', `app${n}`, '-f', join(builds.context, `Dockerfile${n}`)]));
    expect(new Set([0, 1, 2, 3, 4, 5].map((n) => imageOf(`app${n}`))).size).toBe(6);
    await expectCleanStore();
  });

  test('that fail do not fail others: one of those runs the command', async () => {
    builds.write({ Dockerfile: `FROM base\nARG CODE\nRUN echo execu""ted; exit $CODE` });
    const [bad, good] = await Promise.all([
      start(2, () => ['--build-arg', 'CODE=1']),
      start(2, (n) => ['--build-arg', 'CODE=0', '-t', `app${n}`]),
    ]);
    for (const result of bad) {
      expect(result.code).toBe(1);
      expect(result.err).toContain(' executed');
    }
    expectGood(good);
    expect(imageOf('app0')).toBe(imageOf('app1'));
    await expectCleanStore();
  });

  test('after a killed build the next one runs the unfinished steps', async () => {
    builds.write({ Dockerfile: 'FROM base\nRUN echo execu""ted; sleep 1; echo fini""shed' });
    const first = builds.start(['build', '--progress=plain', builds.context]);
    let shown = '';
    first.stderr?.on('data', (text) => {
      shown += text;
    });
    await eventually('the first one runs the command', () => shown.includes(' executed'));
    const second = builds.run(['build', '--progress=plain', builds.context]);
    const third = builds.run(['build', '--progress=plain', builds.context]);
    process.kill(-first.pid!, 'SIGKILL');
    const results = await Promise.all([second, third]);
    expectGood(results);
    expect(results.filter(({ err }) => err.includes(' finished'))).toHaveLength(1);
    await expectCleanStore();
  });

  test('and pruning wait for each other', async () => {
    builds.write({ Dockerfile: DOCKERFILE, 'files/a': 'a' });
    const prune = () => builds.run(['prune', '--all', '--force']);
    const keep = () => builds.run(['builder', 'prune', '--all', '--force']);
    // The base goes with everything else: pruning all images comes last.
    const results = await Promise.all([
      ...[0, 1].map((n) => builds.run(['build', '-t', `app${n}`, builds.context])),
      keep(),
      ...[2, 3].map((n) => builds.run(['build', '-t', `app${n}`, builds.context])),
      keep(),
    ]);
    for (const { code, err } of results) {
      if (code !== 0) expect(err).toContain('another process is pruning this store');
    }
    expect(results.slice(0, 2).map(({ code }) => code)).toEqual([0, 0]);
    await expectCleanStore();
    expect(await prune()).toMatchObject({ code: 0 });
    await expectCleanStore();
    expect(builds.store.layers.ids()).toEqual([]);
  });

  test('and the removal of images do not disturb each other', async () => {
    builds.write({ Dockerfile: DOCKERFILE, 'files/a': 'a' });
    await builds.run(['build', '-t', 'old', builds.context]);
    const [made, removed, again] = await Promise.all([
      builds.run(['build', '-t', 'new', builds.context]),
      builds.run(['rmi', 'old']),
      builds.run(['build', '-t', 'new2', '-t', 'new3', '--no-cache', builds.context]),
    ]);
    expectGood([made, removed, again]);
    expect(imageOf('old')).toBeUndefined();
    expect(imageOf('new2')).toBe(imageOf('new3'));
    expect(await builds.run(['run', '--rm', 'new', 'cat', '/app/a'])).toMatchObject({ code: 0, out: 'a' });
    await expectCleanStore();
  });

  test('give one name to several images: the last one keeps it, and all files of the store agree', async () => {
    builds.write({ Dockerfile: 'FROM base\nARG N\nLABEL n=$N\n' });
    expectGood(await start(4, (n) => ['-t', 'app', '-t', `app${n}`, '--build-arg', `N=${n}`]));
    const index = JSON.parse((await builds.run(['inspect', 'app', '--format', '{{json .Id}}'])).out);
    expect(index).toMatch(/^sha256:/);
    const listed = JSON.parse(builds.indexJson()).manifests.map(
      ({ annotations, digest }: { annotations: Record<string, string>; digest: string }) => [
        annotations['io.containerd.image.name'],
        digest,
      ],
    );
    const stored = builds.store.images.list().map(({ name, manifest }) => [name, manifest.digest]);
    expect(listed).toEqual(stored);
    expect(stored.map(([name]) => name)).toContain('docker.io/library/app:latest');
    await expectCleanStore();
  });
});
