import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Output } from '../../src/export/exporters.ts';
import { sha256 } from '../../src/image/digest.ts';
import { FakeEngine } from '../support/engine.ts';
import { FakeRegistry } from '../support/registry.ts';
import { holdsLayers, orError, ROT_DOCKERFILE, ROT_KINDS, ROT_ROUNDS, RotBuilds } from '../support/rot.ts';
import { whyNoSandbox } from '../support/sandbox.ts';
import { tempDir } from '../support/temp-dir.ts';
import { sample } from '../support/thorough.ts';

const why = whyNoSandbox();
let rot: RotBuilds;
/** By output, of the sound store. */
const right = new Map<string, unknown>();

/** What each output receives of a build in a store; undefined when the build is refused. */
const OUTPUTS: Record<string, (home: string) => Promise<unknown>> = {
  local: files,
  tar: (home) => oneFile(home, (path) => ({ type: 'tar', to: { path } })),
  'oci-archive': (home) =>
    oneFile(home, (path) => ({ type: 'archive', format: 'oci-archive', to: { path } })),
  push: pushed,
  load: loaded,
};

beforeAll(async () => {
  if (why !== undefined) return;
  rot = await RotBuilds.create();
  for (const [name, receive] of Object.entries(OUTPUTS)) {
    const received = await receive(rot.sound.home);
    expect(received).toBeDefined();
    right.set(name, received);
  }
});
afterAll(() => rot?.remove());

function built(home: string, outputs: Output[], more: { tags?: string[]; env?: NodeJS.ProcessEnv } = {}) {
  return orError(() => rot.sound.build(ROT_DOCKERFILE, { home, reproducible: true, outputs, ...more }));
}

/** The files of the image by path. */
async function files(home: string): Promise<Map<string, string> | undefined> {
  const folder = tempDir();
  try {
    if ((await built(home, [{ type: 'local', path: folder }])) === undefined) return undefined;
    const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' });
    const regular = paths.filter((path) => statSync(join(folder, path), { throwIfNoEntry: false })?.isFile());
    return new Map(regular.sort().map((path) => [path, readFileSync(join(folder, path), 'latin1')]));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The digest of the file. */
async function oneFile(home: string, output: (path: string) => Output): Promise<string | undefined> {
  const folder = tempDir();
  const path = join(folder, 'file');
  try {
    const isBuilt = (await built(home, [output(path)])) !== undefined;
    // Nothing that looks complete is left of one that failed.
    expect(existsSync(path)).toBe(isBuilt);
    return isBuilt ? sha256(readFileSync(path)) : undefined;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The digest under which a registry has the image. Blobs that it took are right, whether or not it got a tag. */
async function pushed(home: string): Promise<string | undefined> {
  const registry = await FakeRegistry.start();
  try {
    const tags = [`${registry.host}/app:latest`];
    const isBuilt = (await built(home, [{ type: 'image', push: true }], { tags })) !== undefined;
    const { tags: given, manifests, blobs } = registry.repository('app');
    for (const [digest, bytes] of blobs) expect(sha256(bytes)).toBe(digest);
    for (const [digest, { bytes }] of manifests) expect(sha256(bytes)).toBe(digest);
    expect(given.has('latest')).toBe(isBuilt);
    return given.get('latest');
  } finally {
    await registry.close();
  }
}

/** The digest of the archive that an engine is given. */
async function loaded(home: string): Promise<string | undefined> {
  const engine = await FakeEngine.start();
  try {
    const env = { PATH: process.env['PATH'], DOCKER_HOST: engine.host };
    const isBuilt = (await built(home, [{ type: 'engine' }], { tags: ['app'], env })) !== undefined;
    expect(engine.archives).toHaveLength(isBuilt ? 1 : 0);
    return isBuilt ? sha256(engine.archives[0]!) : undefined;
  } finally {
    await engine.close();
  }
}

describe.skipIf(why)('a store with a damaged file', () => {
  it.each(sample(ROT_KINDS, 3))('%s gives every output the right image, or an error', async (kind) => {
    const names = Object.keys(OUTPUTS);
    // A single output, by turns, where layers are not concerned, unless many rounds are asked for.
    const one = names[ROT_KINDS.indexOf(kind) % names.length]!;
    await rot.eachRound(kind, async ({ home, label, again }) => {
      for (const name of ROT_ROUNDS > 1 || holdsLayers(kind) ? names : [one]) {
        again();
        const received = (await OUTPUTS[name]!(home)) ?? right.get(name);
        expect(received, `${name}: ${label}`).toEqual(right.get(name));
      }
    });
  });
});
