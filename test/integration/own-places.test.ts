import { mkdirSync, readdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TestBuilds } from '../support/build.ts';
import { whyNoSandbox } from '../support/sandbox.ts';

const why = whyNoSandbox();
let builds: TestBuilds;

beforeEach(async () => {
  builds = await TestBuilds.create({});
  builds.write({ file: 'file', 'folder/below': 'below' });
});
afterEach(() => builds.remove());

const COPY = 'FROM base\nCOPY . /c/\n';

/** What the last COPY put below `/c`. */
function copied(): string[] {
  const { store } = builds;
  const found = store.layers
    .ids()
    .filter((id) => store.layers.record(id)?.kind === 'copy')
    .flatMap((id) => [...store.layers.index(id).paths()])
    .filter((path) => path.startsWith('c/'));
  return [...new Set(found)].sort();
}

const FILES = ['c/file', 'c/folder', 'c/folder/below'];

/** Moves the store into (or above) the context. */
function moveStore(to: string): string {
  mkdirSync(join(to, '..'), { recursive: true });
  renameSync(builds.home, to);
  return to;
}

describe.skipIf(why)('the store is no part of a context', () => {
  it.each([
    ['inside of it', '.store'],
    ['deep inside of it', 'folder/.cache/store'],
  ])('%s', async (_, place) => {
    const home = moveStore(join(builds.context, place));
    symlinkSync(home, builds.home);
    const first = await builds.build(COPY, { home });
    expect(first.outcomes['COPY . /c/']).toBe('done');
    const again = await builds.build(COPY, { home: builds.home });
    expect(again.outcomes['COPY . /c/']).toBe('cached');
    expect(again.digest).toBe(first.digest);
    expect(copied()).toEqual(
      place === '.store' ? FILES : ['c/file', 'c/folder', 'c/folder/.cache', 'c/folder/below'],
    );
  });

  it('being its folder itself', async () => {
    const home = moveStore(join(builds.folder, 'both'));
    for (const name of readdirSync(builds.context)) renameSync(join(builds.context, name), join(home, name));
    symlinkSync(home, builds.home);
    for (const outcome of ['done', 'cached']) {
      expect((await builds.build(COPY, { home, context: home })).outcomes['COPY . /c/']).toBe(outcome);
    }
    expect(copied()).toEqual(FILES);
  });

  it('holding it', async () => {
    const context = join(builds.home, 'project');
    renameSync(builds.context, context);
    for (const outcome of ['done', 'cached']) {
      expect((await builds.build(COPY, { context })).outcomes['COPY . /c/']).toBe(outcome);
    }
    expect(copied()).toEqual(FILES);
  });

  it('of a named context and of a mounted one', async () => {
    const home = moveStore(join(builds.context, '.store'));
    symlinkSync(home, builds.home);
    const contexts = { other: builds.context };
    const text = `FROM base
COPY --from=other . /c/
RUN --mount=type=bind,target=/m ls -A /m
`;
    const first = await builds.build(text, { home, contexts });
    expect(first.output).toBe('file\nfolder\n');
    const again = await builds.build(text, { home, contexts });
    expect(Object.values(again.outcomes)).toEqual(['cached', 'cached', 'cached']);
    expect(copied()).toEqual(FILES);
  });

  it.each([
    'COPY .store /c/',
    'COPY folder/../.store/layers /c/',
    'RUN --mount=type=bind,source=.store,target=/m true',
  ])('and %s says so', async (instruction) => {
    const home = moveStore(join(builds.context, '.store'));
    const error = await builds.failure(`FROM base\n${instruction}\n`, { home });
    expect(error).toMatchObject({ code: 'COPY_SOURCE_RESERVED', exitCode: 1 });
    expect(error.message).toContain('the store');
  });
});

describe('files that a build writes are not part of its context', () => {
  it('as archive, folder, cache and file', async () => {
    writeFileSync(join(builds.context, 'out.tar.4711.partial'), 'left by a build that was killed');
    const text = 'FROM scratch\nCOPY . /c/\n';
    writeFileSync(join(builds.folder, 'Dockerfile'), text);
    const args = [
      ...['build', '--progress', 'plain', '-f', join(builds.folder, 'Dockerfile'), '-t', 'app'],
      ...['-o', 'type=image', '-o', 'type=tar,dest=out.tar', '-o', 'type=local,dest=files'],
      ...['-o', 'type=oci,tar=false,dest=layout', '--cache-to', 'type=local,dest=cache'],
      ...['--metadata-file', 'facts.json', '--iidfile', 'id', '.'],
    ];
    const run = () => builds.run(args, { cwd: builds.context, env: { HOME: builds.folder } });
    expect(await run()).toMatchObject({ code: 0 });
    expect(readdirSync(builds.context).sort()).toEqual(
      [
        'cache',
        'facts.json',
        'file',
        'folder',
        'id',
        'layout',
        'files',
        'out.tar',
        'out.tar.4711.partial',
      ].sort(),
    );
    const again = await run();
    expect(again).toMatchObject({ code: 0 });
    expect(again.err).toContain('CACHED');
    expect(copied()).toEqual(FILES);
  });

  it('but a folder that holds the context leaves it whole', async () => {
    await builds.build('FROM scratch\nCOPY . /c/\n', { outputs: [{ type: 'local', path: builds.context }] });
    expect(readdirSync(join(builds.context, 'c')).sort()).toEqual(['file', 'folder']);
  });
});
