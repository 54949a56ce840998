import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestBuilds } from '../support/build.ts';

let builds: TestBuilds;
const text = async (...args: string[]) => {
  const { code, out, err } = await builds.run(args);
  expect(err).toBe('');
  expect(code).toBe(0);
  return out;
};
const facts = async () => JSON.parse(await text('builds', 'ls', '--json'));

beforeAll(async () => {
  builds = await TestBuilds.create();
  builds.write({
    Dockerfile: 'FROM scratch\nARG API_TOKEN\nWORKDIR /x-$API_TOKEN\nCOPY a /a\nCOPY b /b\n',
    a: 'a',
    b: 'b',
  });
  const args = ['build', builds.context, '--progress=quiet', '--build-arg', 'API_TOKEN=hidden-value-1'];
  await builds.run(args);
  builds.write({ a: 'aa' });
  await builds.run(args);
});
afterAll(() => builds?.remove());

describe('builds on record', () => {
  it('are listed, the latest first, with what came of their steps', async () => {
    const [last, first] = await facts();
    expect([first.state, last.state]).toEqual(['ok', 'ok']);
    expect(last.steps.map(({ outcome }: { outcome: string }) => outcome)).toEqual([
      'cached',
      'done',
      'reused',
    ]);
    expect(await text('builds', 'ls', '--format', '{{.Steps}} {{.Result}}')).toBe('1/3 ok\n3/3 ok\n');
  });

  it('say afterwards why steps ran, and why not', async () => {
    const ran = await text('why-ran');
    expect(ran).toContain('a changed (1B → 2B)');
    expect(ran).toContain('nothing it reads changed, although below it\n    a changed (1B → 2B)');
    expect(await text('why-ran', '4')).not.toContain('COPY b');
    const [step] = JSON.parse(await text('why-ran', '--json', 'COPY a')).steps;
    expect(step.why.causes).toMatchObject([{ kind: 'file-changed', name: 'a', was: '1', now: '2' }]);
  });

  it('take a number alone for a line, also where the id of a build begins with it', async () => {
    const [{ id }] = await facts();
    const file = join(builds.folder, 'four.json.gz');
    await text('builds', 'export', '-o', file, id);
    const told = JSON.parse(gunzipSync(readFileSync(file)).toString());
    told.build = { ...told.build, id: '4zzzzzzzzz', started: new Date(Date.now() - 600_000).toISOString() };
    writeFileSync(file, gzipSync(JSON.stringify(told)));
    await text('builds', 'import', file);
    try {
      const ran = await text('why-ran', '4');
      expect(ran).toContain(id);
      expect(ran).not.toContain('COPY b');
      expect(await text('why-ran', '4z')).toContain('4zzzzzzzzz');
      expect(await text('why-ran', '4z', '4')).toContain('4zzzzzzzzz');
    } finally {
      await text('builds', 'rm', '4zzzzzzzzz');
    }
  });

  it('have no values of arguments that are secrets', () => {
    const folder = join(builds.home, 'builds');
    for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      if (!/\.(json|gz)$/.test(name)) continue;
      const bytes = readFileSync(join(folder, name));
      const content = name.endsWith('.gz') ? gunzipSync(bytes).toString() : bytes.toString();
      expect(content).not.toContain('hidden-value-1');
    }
  });

  it('show times as a table, as JSON and as a page', async () => {
    const [{ id, timings }] = await facts();
    expect(timings.parts.map(({ title }: { title: string }) => title)).toEqual([
      ...['read and plan', '[stage-0 1/3] WORKDIR /x-$API_TOKEN'],
      ...['[stage-0 2/3] COPY a /a', '[stage-0 3/3] COPY b /b', 'exporting image'],
    ]);
    const table = await text('builds', 'show', '--timings');
    expect(table).toContain(id);
    expect(table).toMatch(/parallelism {4}\d/);
    expect(JSON.parse(await text('builds', 'show', '--timings', '--json'))).toEqual(timings);
    const page = await text('builds', 'show', '--html', '-o', '-', id.slice(0, 6));
    expect(page.match(/<tr[^>]*><th scope="row">/g)!.length).toBeGreaterThan(0);
    expect(page).toContain(`<dd>${id}</dd>`);
    expect(page).not.toContain('hidden-value-1');
    const { err } = await builds.run(['builds', 'show', '--html']);
    expect(err).toBe(`build-${id}.html: ${err.split(' ')[1]}`);
    const written = readFileSync(join(builds.folder, `build-${id}.html`), 'utf8');
    expect(written).toBe(page);
  });

  it('show the page in the browser', async () => {
    const seen = join(builds.folder, 'seen');
    const browser = join(builds.folder, 'browser');
    writeFileSync(browser, `#!/bin/sh\necho "$1" > ${seen}.new && mv ${seen}.new ${seen}\n`, { mode: 0o755 });
    const args = ['builds', 'show', '--html', '--open', '-o', 'page.html'];
    expect(await builds.run(args, { env: { BROWSER: browser } })).toMatchObject({ code: 0 });
    await expect
      .poll(() => existsSync(seen) && readFileSync(seen, 'utf8'))
      .toBe(`${join(builds.folder, 'page.html')}\n`);
  });

  it.each([
    [['--html', '--json'], 'cannot be combined'],
    [['--html', '--timings'], 'cannot be combined'],
    [['--open'], 'Add --html'],
    [['-o', 'x'], 'Add --html'],
    [['--html', '--open', '-o', '-'], '--open needs a file'],
  ])('refuse to be shown with %j', async (flags, said) => {
    expect(await builds.run(['builds', 'show', ...flags])).toMatchObject({
      code: 2,
      err: expect.stringContaining(said),
    });
  });

  it('keep their times when they are imported, if those are sound', async () => {
    const [, { id, timings }] = await facts();
    const file = join(builds.folder, 'times.json.gz');
    await text('builds', 'export', '-o', file, id);
    const told = JSON.parse(gunzipSync(readFileSync(file)).toString());
    await text('builds', 'rm', id);
    told.build.timings.parts[1].outcome = '"><script>alert(1)</script>';
    writeFileSync(file, gzipSync(JSON.stringify(told)));
    await text('builds', 'import', file);
    for (const how of ['--timings', '--html'])
      expect(await builds.run(['builds', 'show', how, id])).toMatchObject({
        code: 1,
        err: expect.stringContaining(`no times of the build ${id} are on record`),
      });
    told.build.timings = timings;
    writeFileSync(file, gzipSync(JSON.stringify(told)));
    await text('builds', 'rm', id);
    await text('builds', 'import', file);
    expect(JSON.parse(await text('builds', 'show', '--timings', '--json', id))).toEqual(timings);
  });

  it('can be exported, removed and imported', async () => {
    const [{ id, steps }] = await facts();
    const file = join(builds.folder, 'build.json.gz');
    await text('builds', 'export', '-o', file, id);
    await text('builds', 'rm', id);
    expect(await text('builds', 'import', file)).toBe(`${id}\n`);
    const [imported] = await facts();
    expect(imported.steps.map(({ title }: { title: string }) => title)).toEqual(
      steps.map(({ title }: { title: string }) => title),
    );
    expect((await builds.run(['builds', 'import', file])).err).toContain('is on record already');
  });

  it('print what commands printed, and end their last line', async () => {
    const [{ id, steps }] = await facts();
    const file = join(builds.folder, 'output.json.gz');
    await text('builds', 'export', '-o', file, id);
    const told = JSON.parse(gunzipSync(readFileSync(file)).toString());
    const [one, two] = steps.map((step: { id: string }) => step.id);
    told.log = [
      { step: one, stream: 'stdout', text: 'first' },
      { step: two, stream: 'stdout', text: 'second\n' },
      { step: two, stream: 'stderr', text: 'third' },
    ];
    writeFileSync(file, gzipSync(JSON.stringify(told)));
    await text('builds', 'rm', id);
    await text('builds', 'import', file);
    expect(await text('builds', 'logs', id)).toBe(
      '[stage-0 1/3] WORKDIR /x-$API_TOKEN\nfirst\n\n[stage-0 2/3] COPY a /a\nsecond\nthird\n',
    );
    expect(await text('builds', 'logs', id, one)).toBe('first\n');
  });

  it.each([
    ['no JSON', Buffer.from('x')],
    ['another format', gzipSync('{"format":"x"}')],
    ['no steps', gzipSync('{"format":"jettison-build","version":1,"build":{"id":"aaaaaaaaaa"}}')],
    [
      'an id that is a path',
      gzipSync('{"format":"jettison-build","version":1,"build":{"id":"../../../x","steps":[]}}'),
    ],
  ])('are not imported from a file with %s', async (_, bytes) => {
    const file = join(builds.folder, 'bad.json.gz');
    writeFileSync(file, bytes);
    const { code, err } = await builds.run(['builds', 'import', file]);
    expect(code).toBe(1);
    expect(err).toContain('cannot import the build');
  });

  it('list damaged records as warnings; doctor removes them', async () => {
    const records = join(builds.home, 'builds', 'records');
    const [name] = readdirSync(records);
    const sound = readFileSync(join(records, name!));
    writeFileSync(join(records, name!), sound.subarray(0, 50));
    expect((await builds.run(['builds', 'ls'])).err).toContain('is damaged');
    expect((await builds.run(['doctor', '--store'])).out).toContain(`records/${name} is damaged`);
    await builds.run(['doctor', '--store', '--repair']);
    expect(readdirSync(records)).not.toContain(name);
  });

  it('list builds of killed processes as interrupted', async () => {
    const records = join(builds.home, 'builds', 'records');
    for (const name of readdirSync(records)) rmSync(join(records, name));
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as AddressInfo;
    builds.write({ 'slow/Dockerfile': `FROM scratch\nADD http://127.0.0.1:${port}/x /x\n` });
    const child = builds.start(['build', join(builds.context, 'slow'), '--progress=quiet']);
    const asked = new Promise<void>((resolve) => silent.once('request', () => resolve()));
    await asked;
    await expect.poll(async () => (await facts())[0]?.state, { timeout: 20_000 }).toBe('running');
    child.kill('SIGKILL');
    await new Promise((resolve) => child.on('close', resolve));
    silent.close();
    const states = (await facts()).map(({ state }: { state: string }) => state);
    expect(states).toEqual(['interrupted']);
  });
});
