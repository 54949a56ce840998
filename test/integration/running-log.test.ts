import { appendFileSync, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TestBuilds } from '../support/build.ts';
import { whyNoSandbox } from '../support/sandbox.ts';

const DOCKERFILE = `FROM base
RUN --mount=type=secret,id=npmrc echo first; cat /run/secrets/npmrc; echo second >&2; sleep 600
`;
const SECRET = 'hidden-value-of-the-secret-1';
let builds: TestBuilds;

beforeEach(async () => {
  builds = await TestBuilds.create({}, { network: 'host' });
  builds.write({ Dockerfile: DOCKERFILE });
});
afterEach(() => builds?.remove());

const logs = () => join(builds.home, 'builds', 'logs');
const text = async (...args: string[]) => {
  const { code, out, err } = await builds.run(args);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  return out;
};

/** Starts a build, and waits until what it prints is on record. */
async function printing(said: string) {
  const child = builds.start(
    ['build', builds.context, '--progress=quiet', '--network=host', '--secret=id=npmrc,env=NPMRC'],
    { env: { NPMRC: SECRET } },
  );
  const ended = new Promise((resolve) => child.on('close', resolve));
  await expect
    .poll(async () => (await builds.run(['builds', 'logs'])).out, { timeout: 60_000, interval: 200 })
    .toContain(said);
  return { child, ended };
}

describe.skipIf(whyNoSandbox())('a build that is killed', () => {
  it('leaves what it has printed, without secrets', async () => {
    const { child, ended } = await printing('first');
    child.kill('SIGKILL');
    await ended;
    const [build] = JSON.parse(await text('builds', 'ls', '--json'));
    expect(build).toMatchObject({ state: 'interrupted' });
    const [name, ...others] = readdirSync(logs());
    expect([name, others]).toEqual([`${build.id}.jsonl`, []]);
    const file = join(logs(), name!);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, 'utf8')).not.toContain(SECRET);

    const shown = await text('builds', 'logs');
    expect(shown).toMatch(/^\[stage-0 2\/2\] RUN /);
    expect(shown).toMatch(/^first$/m);
    appendFileSync(file, '{"step":"stage-0/1","stream":"stdout","te');
    expect(await text('builds', 'logs')).toBe(shown);
    expect(await text('builds', 'show')).toContain('not finished');
    expect(await text('doctor', '--store')).not.toContain(name);

    const exported = join(builds.folder, 'build.json.gz');
    await text('builds', 'export', '-o', exported);
    await text('builds', 'rm', build.id);
    expect(existsSync(file)).toBe(false);
    await text('builds', 'import', exported);
    expect(await text('builds', 'logs')).toBe(shown);
  });
});

describe.skipIf(whyNoSandbox())('a build that ends', () => {
  it('keeps its output compressed, and not twice', async () => {
    const { child, ended } = await printing('second');
    child.kill('SIGTERM');
    await ended;
    const [{ id, state }] = JSON.parse(await text('builds', 'ls', '--json'));
    expect(state).toBe('interrupted');
    expect(readdirSync(logs())).toEqual([`${id}.gz`]);
    const shown = await text('builds', 'logs');
    expect(shown).not.toContain(SECRET);
    // Which of two streams is read first is up to the machine.
    for (const part of ['first', 'second', 'xxxxx']) expect(shown).toContain(part);
  });
});
