import { chmodSync, chownSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ended, otherUser, startCommand, TestBuilds } from '../support/build.ts';
import { copyCommand, whyNoSandbox } from '../support/sandbox.ts';

const why = whyNoSandbox();
let builds: TestBuilds;

/** What COPY has to keep: modes and owners that nobody but root can give to files. */
const COPIES = [
  'FROM base AS from',
  'FROM base',
  'WORKDIR /app',
  'COPY --chown=node --chmod=4750 a ./',
  'COPY --from=from --chown=7:8 /bin/busybox /home /copied/',
  'COPY --chmod=0 b /locked/',
  'COPY --from=from /etc /etc2',
].join('\n');
const EPOCH = { SOURCE_DATE_EPOCH: '1700000000' };
const REPRODUCIBLE = ['--reproducible', '--build-arg', 'SOURCE_DATE_EPOCH=1700000000'];

beforeAll(async () => {
  if (why !== undefined) return;
  builds = await TestBuilds.create({});
  builds.write({ a: 'a', b: 'b' });
});
afterAll(() => builds?.remove());

describe.skipIf(why)('without namespaces', () => {
  it('COPY-only builds give the same image', async () => {
    const here = await builds.build(COPIES, { noCache: true, reproducible: true, buildArgs: EPOCH });
    const other = await TestBuilds.create({});
    try {
      other.write({ a: 'a', b: 'b' });
      const plain = await other.build(COPIES, { isolation: 'none', reproducible: true, buildArgs: EPOCH });
      expect(plain.blobs).toEqual(here.blobs);
      expect(plain.digest).toBe(here.digest);
    } finally {
      other.remove();
    }
  });

  it('a RUN fails with the reason, before its inputs are made', async () => {
    const failure = await builds.failure('FROM base\nRUN true\n', { isolation: 'none', noCache: true });
    expect(failure).toMatchObject({ code: 'RUN_UNAVAILABLE', location: { line: 2 } });
    expect(failure.message).toContain('--isolation none');
    // What an earlier build made needs no command.
    await builds.build('FROM base\nRUN echo x > /made\n');
    const cached = await builds.build('FROM base\nRUN echo x > /made\n', { isolation: 'none' });
    expect(cached.outcomes['RUN echo x > /made']).toBe('cached');
  });

  it('an ordinary user builds, too, and can delete it all again', async (ctx) => {
    const ids = otherUser();
    if (typeof ids === 'string') return ctx.skip(ids);
    const plain = await builds.build(COPIES, { noCache: true, reproducible: true, buildArgs: EPOCH });
    chmodSync(builds.folder, 0o755);
    const archive = join(builds.folder, 'base.tar');
    await builds.run(['save', '-o', archive, 'base']);
    chmodSync(archive, 0o644);
    const folder = join(builds.folder, 'theirs');
    mkdirSync(folder);
    chownSync(folder, ids.uid, ids.gid);
    const cli = copyCommand(join(builds.folder, 'command'));
    // Nothing of util-linux on the PATH: so it is on other systems.
    const env = { PATH: join(folder, 'nothing') };
    const run = (...args: string[]) =>
      ended(startCommand(args, { home: join(folder, 'store'), cwd: folder, cli, ids, env }));
    expect(await run('load', '-i', archive)).toMatchObject({ code: 0 });
    builds.write({ Dockerfile: COPIES });
    expect(
      await run('build', '-t', 'mine', ...REPRODUCIBLE, '--isolation=none', builds.context),
    ).toMatchObject({ code: 0 });
    const inspected = JSON.parse((await run('inspect', 'mine')).out);
    expect(JSON.stringify(inspected)).toContain(plain.digest);
    expect(await run('prune', '-af')).toMatchObject({ code: 0 });
  });
});
