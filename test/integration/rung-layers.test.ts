import { chmodSync, chownSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { StoreLayout } from '../../src/store/layout.ts';
import { findImage } from '../../src/store/lookup.ts';
import { Store } from '../../src/store/store.ts';
import { verifyStore } from '../../src/store/verify.ts';
import { ended, otherUser, startCommand, TestBuilds } from '../support/build.ts';
import { RUNG_BUILDS, type RungBuild, stepLayers } from '../support/rung-builds.ts';
import { copyCommand, openSandbox, whyNoSandbox } from '../support/sandbox.ts';
import { sample } from '../support/thorough.ts';

const EPOCH = '1700000000';
const REPRODUCIBLE = ['--network=host', '--reproducible', '--build-arg', `SOURCE_DATE_EPOCH=${EPOCH}`];
const BUILDS = sample(RUNG_BUILDS, 3);
const CASES = BUILDS.map((one) => [one.name, one] as const);
const asRoot = process.getuid?.() === 0;
const tagOf = ({ name }: RungBuild) => name.replaceAll(/\W/g, '-');

let why: string | undefined;
/** What all others are compared with: namespaces, as whoever runs the tests. */
let here: TestBuilds;

beforeAll(async () => {
  why = whyNoSandbox();
  if (why !== undefined) return;
  here = await TestBuilds.create({}, { network: 'host' });
  for (const one of BUILDS) {
    if (one.devices && !asRoot) continue;
    here.write({ a: 'a', 'sub/b': 'b', ...one.files });
    await here.build(one.dockerfile, {
      tags: [tagOf(one)],
      isolation: 'namespaces',
      reproducible: true,
      buildArgs: { SOURCE_DATE_EPOCH: EPOCH },
    });
  }
});
afterAll(() => here?.remove());
beforeEach((ctx) => {
  if (why !== undefined) ctx.skip(why);
});

function expectSame(store: Store, one: RungBuild): void {
  const expected = stepLayers(here.store);
  const found = Object.entries(stepLayers(store));
  expect(found.length).toBeGreaterThan(0);
  for (const [definition, layer] of found) expect(layer).toEqual(expected[definition]);
  expect(findImage(store, tagOf(one)).manifest).toEqual(findImage(here.store, tagOf(one)).manifest);
}

describe('the layers of the rung namespaces', () => {
  describe('are those of the rung oci', () => {
    let there: TestBuilds;
    let missing: string | undefined;
    beforeAll(async () => {
      if (why !== undefined) return;
      const sandbox = await openSandbox({ rung: 'oci' });
      if (typeof sandbox === 'string') missing = sandbox;
      else await sandbox.close();
      there = await TestBuilds.create({}, { network: 'host' });
    });
    afterAll(() => there?.remove());
    beforeEach((ctx) => {
      if (missing !== undefined) ctx.skip(missing);
    });

    it.for(CASES)('%s', async ([, one], ctx) => {
      if (one.devices && !asRoot) ctx.skip('only root may make devices');
      there.write({ a: 'a', 'sub/b': 'b', ...one.files });
      await there.build(one.dockerfile, {
        tags: [tagOf(one)],
        isolation: 'oci',
        reproducible: true,
        buildArgs: { SOURCE_DATE_EPOCH: EPOCH },
      });
      expectSame(there.store, one);
    });

    it('in a valid store', async () => {
      expect((await verifyStore(there.store)).problems).toEqual([]);
      expect(there.temporaries()).toEqual([]);
    });
  });

  describe.each(['namespaces', 'oci'])('are those of an ordinary user on the rung %s', (rung) => {
    let run: (...args: string[]) => ReturnType<typeof ended>;
    let home: string;
    let missing: string | undefined;

    beforeAll(async () => {
      if (why !== undefined) return;
      const ids = otherUser();
      if (typeof ids === 'string') {
        missing = ids;
        return;
      }
      chmodSync(here.folder, 0o755);
      const archive = join(here.folder, 'base.tar');
      await here.run(['save', '-o', archive, 'base']);
      chmodSync(archive, 0o644);
      const folder = join(here.folder, rung);
      mkdirSync(folder);
      chownSync(folder, ids.uid, ids.gid);
      const cli = copyCommand(join(here.folder, `${rung}-command`));
      home = join(folder, 'store');
      run = (...args) => ended(startCommand(args, { home, cwd: folder, cli, ids }));
      expect(await run('load', '-i', archive)).toMatchObject({ code: 0 });
    });
    afterAll(async () => {
      // Files of other ids: only a worker may delete them.
      if (run !== undefined) expect(await run('builder', 'prune', '-af')).toMatchObject({ code: 0 });
    });
    beforeEach((ctx) => {
      if (missing !== undefined) ctx.skip(missing);
    });

    it.each(CASES.filter(([, one]) => !one.devices))('%s', async (_, one) => {
      here.write({ a: 'a', 'sub/b': 'b', ...one.files, Dockerfile: one.dockerfile });
      const built = await run(
        'build',
        `--isolation=${rung}`,
        '-t',
        tagOf(one),
        ...REPRODUCIBLE,
        here.context,
      );
      if (built.err.includes('RUNG_UNUSABLE') || built.err.includes('does not work here')) {
        missing = built.err.trim();
        return;
      }
      expect(built.code, built.err).toBe(0);
      // Root only looks into that user's store.
      const store = new Store(new StoreLayout(home));
      try {
        expectSame(store, one);
      } finally {
        store.close();
      }
    });
  });
});
