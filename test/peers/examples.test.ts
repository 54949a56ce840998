import { execFileSync, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { describeImage } from '../../src/index.ts';
import { TestBuilds } from '../support/build.ts';
import { bytesOfFolder, works } from '../support/peers.ts';
import { whyNoSandbox } from '../support/sandbox.ts';
import { tempDir } from '../support/temp-dir.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const CLI = join(ROOT, 'dist/cli.js');
const TIME = { timeout: 1_800_000 };
const isRoot = process.getuid?.() === 0;
const why = whyNoSandbox();
// Minutes, and packages from npm's registry: only where somebody asks for it.
const WITH_PACKAGES = process.env['JETTISON_EXAMPLES'] ? undefined : 'JETTISON_EXAMPLES is not set';
const noUmoci = isRoot && works('umoci', '--version') ? undefined : 'umoci is not here, or it is not root';

async function demo(...args: string[]): Promise<{ out: string; err: string }> {
  const child = spawn(process.execPath, [join(ROOT, 'scripts/demo.mjs'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [out, err, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  expect(code, err).toBe(0);
  return { out, err };
}

/** Compares what is said of an image of a store with what umoci unpacks of it. @returns the share that is explained */
async function checkSums(image: string, home: string): Promise<number> {
  const folder = tempDir();
  const env = { ...process.env, JETTISON_HOME: home };
  const inFolder = { cwd: folder, env, stdio: 'ignore' as const };
  execFileSync(
    process.execPath,
    [CLI, 'save', '--format', 'oci-archive', '-o', 'image.tar', image],
    inFolder,
  );
  execFileSync('skopeo', ['copy', '-q', 'oci-archive:image.tar', 'oci:image:1'], inFolder);
  execFileSync('umoci', ['unpack', '--image', 'image:1', 'bundle'], inFolder);
  const { size, kinds } = await describeImage(image, { home, env: {} });
  expect(size.tree, image).toBe(bytesOfFolder(join(folder, 'bundle/rootfs')));
  expect(size.shipped).toBe(size.tree + size.waste);
  return 1 - (kinds.unowned?.bytes ?? 0) / size.tree;
}

it('the example with its real packages has the same digest twice', TIME, async (ctx) => {
  const reason = WITH_PACKAGES ?? why;
  if (reason !== undefined) ctx.skip(reason);
  const { out } = await demo('--twice');
  expect(out.match(/sha256:[0-9a-f]{64}/g)).toHaveLength(3);
});

it('sums of the example with its packages are those of the unpacked tree', TIME, async (ctx) => {
  const reason = WITH_PACKAGES ?? why ?? noUmoci;
  if (reason !== undefined) ctx.skip(reason);
  const { err } = await demo('--keep');
  const [, store] = /^The store is (.*); the edited/m.exec(err)!;
  try {
    for (const name of ['naive', 'multi-stage', 'distroless'])
      expect(await checkSums(`orders-api:${name}`, store!), name).toBeGreaterThan(0.99);
  } finally {
    execFileSync(process.execPath, [CLI, 'builder', 'prune', '-af'], {
      env: { ...process.env, JETTISON_HOME: store! },
      stdio: 'ignore',
    });
    rmSync(join(store!, '..'), { recursive: true });
  }
});

it(
  'sums of the static site, and of this Node as a base, are those of the unpacked tree',
  TIME,
  async (ctx) => {
    const reason = why ?? noUmoci;
    if (reason !== undefined) ctx.skip(reason);
    const builds = await TestBuilds.create({});
    try {
      const site = join(ROOT, 'examples/static-site');
      expect(await builds.run(['build', '-q', '-t', 'site', site])).toMatchObject({ code: 0 });
      expect(await builds.run(['base', 'host', '--slim', '-t', 'node:host-slim'])).toMatchObject({ code: 0 });
      expect(await checkSums('site', builds.home)).toBe(1);
      expect(await checkSums('node:host-slim', builds.home)).toBeGreaterThan(0.99);
    } finally {
      builds.remove();
    }
  },
);
