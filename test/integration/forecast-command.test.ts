import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { TestBuilds } from '../support/build.ts';
import { GitHistory } from '../support/git-history.ts';
import { findProgram } from '../support/machine-network.ts';
import { whyNoSandbox } from '../support/sandbox.ts';
import { tempDir } from '../support/temp-dir.ts';

const whyNot = findProgram('git') === undefined ? 'git is not installed' : whyNoSandbox();

/** An `npm` that makes node_modules of what package.json says, and nothing else. */
const NPM = `#!/bin/sh
mkdir -p node_modules && cat package.json > node_modules/installed
`;
/** One that looks at the sources, as nobody would expect. */
const NOSY = `#!/bin/sh
mkdir -p node_modules && ls > node_modules/installed
`;

const BEFORE = `# A service
FROM node AS build
WORKDIR /app

# Everything at once
COPY . .
ENV  MODE=production

RUN   npm ci
RUN cat src/main.js > /out # keep
FROM node
COPY --from=build /out /app/out
COPY --from=build /app/node_modules /app/node_modules
`;

const AFTER = `# A service
FROM node AS build
WORKDIR /app

COPY package.json ./
ENV  MODE=production

RUN --mount=type=cache,target=/root/.npm   npm ci
# Everything at once
COPY . .
RUN cat src/main.js > /out # keep
FROM node
COPY --from=build /out /app/out
COPY --from=build /app/node_modules /app/node_modules
`;

/** Two commands that take a while. @param second what the second one writes to /app/out/server */
const inOneStage = (second: string) => `FROM node AS build
WORKDIR /app
COPY src src
# The page
RUN mkdir dist && sleep 0.4 && cat src/main.js > dist/page
ENV KIND=server
# The server
RUN mkdir out && sleep 0.4 && ${second} > out/server
RUN ls out dist > names
FROM node
COPY --from=build /app /app
`;

const SEPARATED = `FROM node AS build-base
WORKDIR /app
COPY src src

FROM build-base AS build-2
ENV KIND=server
# The server
RUN mkdir out && sleep 0.4 && cat src/main.js > out/server

FROM build-base AS build
# The page
RUN mkdir dist && sleep 0.4 && cat src/main.js > dist/page
ENV KIND=server
COPY --from=build-2 /app/out /app/out
RUN ls out dist > names
FROM node
COPY --from=build /app /app
`;

describe.skipIf(whyNot !== undefined)('jettison forecast', () => {
  let builds: TestBuilds;
  let history: GitHistory;

  beforeEach(async () => {
    builds = await TestBuilds.create({ Env: ['PATH=/bin'] });
    return () => builds.remove();
  });

  async function prepare(npm: string): Promise<void> {
    builds.write({ npm });
    chmodSync(join(builds.context, 'npm'), 0o755);
    await builds.build('FROM base\nCOPY npm /bin/npm\n', { tags: ['node'] });
    history = new GitHistory(join(tempDir(), 'r'), 1);
    history.write({ Dockerfile: BEFORE, 'package.json': '{"v":0}', 'src/main.js': '0', 'README.md': '0' });
    history.commit();
    for (let i = 1; i < 10; i++) {
      history.write(i % 5 === 0 ? { 'package.json': `{"v":${i}}` } : { 'src/main.js': `${i}` });
      if (i === 3) history.write({ 'src/main.js': '2', 'README.md': `${i}` });
      history.commit();
    }
  }

  const forecast = (...args: string[]) => builds.command(['forecast', ...args, '.'], { cwd: history.folder });

  test('counts runs, names the files, and proposes changes that save runs', async () => {
    await prepare(NPM);
    const { code, out, err } = await forecast('--json');
    expect([code, err]).toEqual([0, '']);
    const found = JSON.parse(out);
    expect(found).toMatchObject({ commits: 9, branch: 'main', failed: [], isCutShort: false });
    const runs = Object.fromEntries(
      found.steps.map((step: { title: string; runs: number }) => [step.title, step.runs]),
    );
    // `.git` changes with each commit.
    expect(runs).toMatchObject({ 'WORKDIR /app': 0, 'COPY . .': 9, 'RUN npm ci': 9 });
    expect(found.files[0]).toMatchObject({ path: '.git', commits: 9 });
    const proposals = Object.fromEntries(found.proposals.map((one: { id: string }) => [one.id, one]));
    expect(Object.keys(proposals)).toEqual(['manifests-first', 'cache-mounts']);
    expect(proposals['manifests-first']).toMatchObject({ before: { commands: 18 }, after: { commands: 10 } });
    history.write({ '.dockerignore': '.git\n' });
    history.commit();
    const ignoring = JSON.parse((await forecast('--json')).out);
    expect(ignoring.proposals.map(({ id }: { id: string }) => id)).toContain('ignore-texts');
  });

  test('takes times from the builds on record, and invents none', async () => {
    await prepare(NPM);
    const unknown = JSON.parse((await forecast('--json')).out);
    expect(unknown.rebuild.unknown.map(({ line }: { line: number }) => line)).toEqual([9, 10]);
    expect((await forecast()).out).toContain('How long lines 9, 10 take is unknown');
    expect((await builds.command(['build', '-q', '.'], { cwd: history.folder })).code).toBe(0);
    const { rebuild, steps } = JSON.parse((await forecast('--json')).out);
    expect(rebuild.unknown).toEqual([]);
    const times = steps
      .filter(({ kind }: { kind: string }) => kind === 'run')
      .map(({ ms }: { ms: number }) => ms);
    expect(times.every((ms: number) => ms > 0)).toBe(true);
    expect(rebuild.expectedMs).toBeGreaterThanOrEqual(Math.max(...times));
    expect(rebuild.p90Ms).toBeGreaterThanOrEqual(Math.max(...times));
  });

  test('applies what leaves the image the same, and keeps all other bytes', async () => {
    await prepare(NPM);
    const file = join(history.folder, 'Dockerfile');
    chmodSync(file, 0o640);
    const refused = await forecast('--apply');
    expect([refused.code, refused.err]).toEqual([2, expect.stringContaining('--yes')]);
    const { code, out, err } = await forecast('--apply', '--yes');
    expect([code, err.includes('error')]).toEqual([0, false]);
    expect(out).toContain('The images are equal');
    expect(readFileSync(file, 'utf8')).toBe(AFTER);
    expect(statSync(file).mode & 0o777).toBe(0o640);
    history.commit();
    const again = await forecast('--apply', '--yes');
    expect([again.code, again.out]).toEqual([0, 'There is nothing to apply.\n']);
  });

  async function prepareOneStage(second: string): Promise<void> {
    await prepare(NPM);
    history.write({ Dockerfile: inOneStage(second), '.dockerignore': '.git\n' });
    history.commit();
    expect((await builds.run(['build', '-q', '.'], { cwd: history.folder })).code).toBe(0);
  }

  const separate = ['--only', 'separate-stages'];

  test('proposes stages for commands that do not need each other, and applies it', async () => {
    await prepareOneStage('cat src/main.js');
    const { proposals } = JSON.parse((await forecast('--json', ...separate)).out);
    expect(proposals).toMatchObject([{ id: 'separate-stages' }]);
    const [{ before, after }] = proposals;
    expect(after.commands).toBe(before.commands);
    // Most of the shorter of two equal commands.
    expect(before.expectedMs - after.expectedMs).toBeGreaterThan(before.expectedMs / 5);
    const { code, out } = await forecast('--apply', '--yes', ...separate);
    expect([code, out]).toEqual([0, expect.stringContaining('The images are equal')]);
    expect(readFileSync(join(history.folder, 'Dockerfile'), 'utf8')).toBe(SEPARATED);
    const again = JSON.parse((await forecast('--json', ...separate)).out);
    expect(again.proposals).toEqual([]);
  });

  test.each([
    ['a file that it names', 'cat dist/page', []],
    ['a directory that it names', 'cat ./dist/*', []],
    ['what nobody can see before', 'ls', ['separate-stages']],
  ])('leaves commands together of which one reads another: %s', async (_, second, ids) => {
    await prepareOneStage(second);
    const { proposals } = JSON.parse((await forecast('--json', ...separate)).out);
    expect(proposals.map(({ id }: { id: string }) => id)).toEqual(ids);
    if (ids.length === 0) return;
    const { code, err } = await forecast('--apply', '--yes', ...separate);
    expect([code, err]).toEqual([1, expect.stringContaining('/app/out/server')]);
    expect(readFileSync(join(history.folder, 'Dockerfile'), 'utf8')).toBe(inOneStage(second));
  });

  test('changes nothing when the images differ', async () => {
    await prepare(NOSY);
    const { code, err } = await forecast('--apply', '--yes', '--only', 'manifests-first');
    expect(code).toBe(1);
    expect(err).toContain('/app/node_modules/installed');
    expect(readFileSync(join(history.folder, 'Dockerfile'), 'utf8')).toBe(BEFORE);
  });

  test('a file that differs between two builds of the same does not count', async () => {
    await prepare(
      `${NPM}cat /proc/sys/kernel/random/uuid > node_modules/log-$(cat /proc/sys/kernel/random/uuid)\n`,
    );
    const { code, err } = await forecast('--apply', '--yes', '--only', 'manifests-first');
    expect([code, err]).toEqual([0, expect.stringContaining('Not compared')]);
    expect(readFileSync(join(history.folder, 'Dockerfile'), 'utf8')).not.toBe(BEFORE);
  });

  test('does not propose manifests first if a package of the sources is needed', async () => {
    await prepare(NPM);
    const ids = async () =>
      JSON.parse((await forecast('--json')).out).proposals.map(({ id }: { id: string }) => id);
    for (const manifest of [
      '{"scripts":{"postinstall":"node src/main.js"}}',
      '{"dependencies":{"own":"file:src"}}',
      '{"workspaces":["src"]}',
      'not JSON',
    ]) {
      history.write({ 'package.json': manifest });
      history.commit();
      expect(await ids(), manifest).not.toContain('manifests-first');
    }
  });

  test('reports invalid arguments', async () => {
    await prepare(NPM);
    const folder = tempDir();
    writeFileSync(join(folder, 'Dockerfile'), 'FROM node\n');
    const outside = await builds.command(['forecast', folder]);
    expect([outside.code, outside.err]).toEqual([1, expect.stringContaining('not in a git repository')]);
    for (const [args, message] of [
      [['--branch', 'nope'], 'has no branch "nope"'],
      [['--since', 'yesterday'], 'invalid date "yesterday"'],
      [['--commits', '1.5'], 'invalid number "1.5"'],
      [['--only', 'manifest-first'], 'Did you mean "manifests-first"?'],
      [['--apply', '--as-committed'], 'contradict each other'],
    ] as const) {
      const { code, err } = await forecast(...args);
      expect([code !== 0, err]).toEqual([true, expect.stringContaining(message)]);
    }
  });
});
