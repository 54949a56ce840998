import { chmodSync, chownSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sha256 } from '../../src/image/digest.ts';
import { MEDIA } from '../../src/image/types.ts';
import { findImage } from '../../src/store/lookup.ts';
import { verifyStore } from '../../src/store/verify.ts';
import { ended, otherUser, startCommand, TestBuilds } from '../support/build.ts';
import { makeImage, makeTar } from '../support/images.ts';
import { copyCommand, whyNoSandbox } from '../support/sandbox.ts';

const why = whyNoSandbox();
let builds: TestBuilds;

/** An image in which the disk says less, or something else, than the index where not all may be done. */
async function addOdd(): Promise<void> {
  const { store } = builds;
  const base = findImage(store, 'base');
  const tar = makeTar([
    [{ path: 'home', type: 'directory', mode: 0o700, uid: 7, gid: 8 }],
    [{ path: 'home/.wh..wh..opq' }],
    [{ path: 'home/locked', mode: 0, uid: 1000, gid: 1000 }, 'locked'],
    [{ path: 'usr/.wh.a' }],
  ]);
  const blob = { mediaType: MEDIA.ociLayerGzip, ...store.blobs.write(gzipSync(tar)) };
  const [lower] = base.manifest.layers;
  await makeImage(store, {
    name: 'odd',
    layers: [
      { diffId: base.config.rootfs.diff_ids[0]!, blob: lower! },
      { diffId: sha256(tar), blob },
    ],
    config: { config: { Env: ['PATH=/bin'] } },
  });
}

const LOOK = 'FROM odd\nRUN stat -c "%a %u:%g %n" /home /home/* /usr/*\n';
const SEEN = ['700 7:8 /home', '0 1000:1000 /home/locked', '644 0:0 /usr/b'];
const COPY = 'FROM odd AS from\nFROM scratch\nCOPY --from=from /home /usr /etc/\n';

beforeEach(async () => {
  if (why !== undefined) return;
  builds = await TestBuilds.create({});
  await addOdd();
});
afterEach(() => builds?.remove());

describe.skipIf(why)('directories of layers', () => {
  it('made by a worker without namespaces are not used as complete ones', async () => {
    await builds.build(COPY, { isolation: 'none' });
    const { output } = await builds.build(LOOK);
    expect(output.trim().split('\n')).toEqual(SEEN);
    expect((await verifyStore(builds.store)).problems).toEqual([]);
  });

  it('of an ordinary user are made for the ids of each worker', async (ctx) => {
    const ids = otherUser();
    if (typeof ids === 'string') return ctx.skip(ids);
    chmodSync(builds.folder, 0o755);
    const archive = join(builds.folder, 'odd.tar');
    await builds.run(['save', '-o', archive, 'odd']);
    chmodSync(archive, 0o644);
    const folder = join(builds.folder, 'theirs');
    mkdirSync(folder);
    chownSync(folder, ids.uid, ids.gid);
    const cli = copyCommand(join(builds.folder, 'command'));
    const run = (...args: string[]) =>
      ended(startCommand(args, { home: join(folder, 'store'), cwd: folder, cli, ids }));
    const build = (dockerfile: string, ...args: string[]) => {
      builds.write({ Dockerfile: dockerfile });
      return run('build', '--progress', 'plain', ...args, builds.context);
    };
    expect(await run('load', '-i', archive)).toMatchObject({ code: 0 });

    // Without namespaces first, then with them, and the other way round.
    expect(await build(COPY, '--isolation', 'none')).toMatchObject({ code: 0 });
    const { code, err } = await build(LOOK);
    expect(code, err).toBe(0);
    for (const line of SEEN) expect(err).toContain(line);
    expect(await build(`${COPY}COPY --from=from /bin /bin\n`, '--isolation', 'none')).toMatchObject({
      code: 0,
    });

    // Only a command knows what a RUN gives: without one, and without access to what it gave, it is missing.
    const made =
      'FROM odd AS from\nRUN echo made >/made && chown 1000 /made && chmod 400 /made\nFROM scratch\n';
    expect(await build(`${made}COPY --from=from /made /\n`)).toMatchObject({ code: 0 });
    const without = await build(`${made}COPY --from=from /made /again\n`, '--isolation', 'none');
    expect(without).toMatchObject({ code: 1 });
    expect(without.err).toContain('cannot run commands here');
    expect(await build(`${made}COPY --from=from /made /again\n`)).toMatchObject({ code: 0 });
    expect((await run('doctor', '--store')).out).not.toContain('problem');
    expect(await run('prune', '-af')).toMatchObject({ code: 0 });
    rmSync(folder, { recursive: true });
  });
});
