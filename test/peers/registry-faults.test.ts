import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Digest, sha256 } from '../../src/image/digest.ts';
import { parseReference } from '../../src/image/reference.ts';
import { type Descriptor, type Index, type Manifest, MEDIA } from '../../src/image/types.ts';
import { fetchLayers, pullImage } from '../../src/registry/pull.ts';
import { pushImage } from '../../src/registry/push.ts';
import { Registries } from '../../src/registry/registries.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { verifyStore } from '../../src/store/verify.ts';
import { HAS_REGISTRY, ME, type RunningRegistry, startRegistry } from '../support/registry-program.ts';
import { type Spoiling, SpoilingProxy } from '../support/spoiling-proxy.ts';
import { tempDir } from '../support/temp-dir.ts';

const ROUNDS = Number(process.env['JETTISON_FAULT_ROUNDS'] ?? 40);
const AMD64 = { os: 'linux', architecture: 'amd64' };
const ARM64 = { os: 'linux', architecture: 'arm64' };
const LOGIN = `Basic ${Buffer.from(`${ME.username}:${ME.password}`).toString('base64')}`;
/** Short enough for a test, and so long that what is not spoilt does not run into it. */
const PATIENCE = { attempts: 6, firstWaitMs: 1, maxWaitMs: 1000, idleMs: 2000, commitIdleMs: 2000 };

/** Pseudo-random numbers, the same for a seed in every run. */
function generator(seed: number): (below: number) => number {
  let state = seed * 2654435761 + 4711;
  const next = (below: number) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % below;
  };
  next(1);
  return next;
}

/** All that can go wrong, each as likely as the others. */
function spoilings(random: (below: number) => number): (() => Spoiling)[] {
  const status = (codes: number[], headers: Record<string, string> = {}, body = '') => ({
    kind: 'status' as const,
    status: codes[random(codes.length)]!,
    headers,
    body,
  });
  /** Often in what comes first, else anywhere in a large blob. */
  const place = () => (random(2) === 0 ? random(600) : random(2 << 20));
  return [
    () => ({ kind: 'reset' }),
    () => ({ kind: 'garbage' }),
    () => ({ kind: 'cut-request', after: place() }),
    () => ({ kind: 'corrupt-request', at: place() }),
    () => ({ kind: 'lost-answer' }),
    () => ({ kind: 'late-answer', ms: 1 + random(30) }),
    () => ({ kind: 'drip', pieces: 2 + random(12), ms: random(4) }),
    () => ({ kind: 'cut-answer', after: place() }),
    () => ({ kind: 'short-answer', after: place() }),
    () => ({ kind: 'long-answer', more: 1 + random(1000) }),
    () => ({ kind: 'corrupt-answer', at: place() }),
    () => ({ kind: 'redirect' }),
    () => ({ kind: 'forget-tokens' }),
    () => status([500, 502, 503, 504], {}, '<html><body>Bad gateway</body></html>'),
    () => status([429, 503], { 'retry-after': ['0', '1', 'Thu, 01 Jan 1970 00:00:00 GMT'][random(3)]! }),
    () => status([429, 503], random(8) === 0 ? { 'retry-after': '3600' } : {}),
    () => status([401], { 'www-authenticate': 'Basic realm="spoilt"' }),
    () => status([random(4) === 0 ? 404 : 401]),
    () => ({ kind: 'headers', change: { 'docker-content-digest': undefined } }),
    () => ({ kind: 'headers', change: { 'docker-content-digest': sha256(Buffer.from('another')) } }),
    () => ({ kind: 'headers', change: { location: undefined, range: undefined } }),
    () => ({ kind: 'headers', change: { range: `0-${random(4 << 20)}` } }),
    () => ({ kind: 'headers', change: { 'content-type': 'text/html' } }),
  ];
}

describe('faults between here and the registry', () => {
  let folder: string;
  let open: RunningRegistry;
  let closed: RunningRegistry;

  beforeAll(async () => {
    if (!HAS_REGISTRY) return;
    folder = tempDir();
    open = await startRegistry(folder);
    closed = await startRegistry(folder, { closed: true, relativeUrls: false });
  });
  afterAll(() => {
    if (!HAS_REGISTRY) return;
    open.process.kill();
    closed.process.kill();
  });

  const client = (credentials: typeof ME | undefined) =>
    new Registries({
      env: {},
      credentials: {
        lookup: async () => credentials && { kind: 'password', ...credentials, origin: 'test' },
        problems: [],
      },
      retry: PATIENCE,
    });
  const image = (store: Store, layers: Buffer[], platform = AMD64): Descriptor => {
    const blobs = layers.map((layer) => ({ mediaType: MEDIA.ociLayer, ...store.blobs.write(layer) }));
    const rootfs = { type: 'layers', diff_ids: blobs.map(({ digest }) => digest) };
    const config = store.blobs.writeJson({ ...platform, config: {}, rootfs }, MEDIA.ociConfig);
    const manifest: Manifest = { schemaVersion: 2, mediaType: MEDIA.ociManifest, config, layers: blobs };
    return store.blobs.writeJson(manifest, MEDIA.ociManifest);
  };
  const index = (store: Store, manifests: Descriptor[]): Descriptor =>
    store.blobs.writeJson({ schemaVersion: 2, mediaType: MEDIA.ociIndex, manifests }, MEDIA.ociIndex);
  const anyImage = (store: Store, random: (below: number) => number): Descriptor => {
    const large = () => randomBytes((1 << 20) + random(2 << 20));
    if (random(4) > 0) return image(store, [large(), randomBytes(1 + random(2000))]);
    const shared = randomBytes(5000);
    return index(store, [
      { ...image(store, [shared, large()], AMD64), platform: AMD64 },
      { ...image(store, [shared], ARM64), platform: ARM64 },
    ]);
  };

  /** Asks the registry itself, by other means than those under test. */
  const ask = async ({ port, closed: wants }: RunningRegistry, path: string): Promise<Response> =>
    fetch(`http://127.0.0.1:${port}/v2/${path}`, {
      headers: {
        accept: [MEDIA.ociIndex, MEDIA.ociManifest].join(', '),
        ...(wants ? { authorization: LOGIN } : {}),
      },
    });
  /** Reads all that a manifest or index of the registry names. @returns digests of everything */
  const readAll = async (registry: RunningRegistry, name: string, which: string): Promise<Set<Digest>> => {
    const answer = await ask(registry, `${name}/manifests/${which}`);
    expect(answer.status).toBe(200);
    const bytes = Buffer.from(await answer.arrayBuffer());
    const document = JSON.parse(bytes.toString('utf8')) as Manifest | Index;
    const digests = new Set([sha256(bytes)]);
    if ('manifests' in document) {
      for (const child of document.manifests) {
        for (const digest of await readAll(registry, name, child.digest)) digests.add(digest);
      }
      return digests;
    }
    for (const { digest } of [document.config, ...document.layers]) {
      const blob = await ask(registry, `${name}/blobs/${digest}`);
      expect(blob.status).toBe(200);
      const hash = createHash('sha256');
      for await (const chunk of blob.body!) hash.update(chunk);
      expect(`sha256:${hash.digest('hex')}`).toBe(digest);
      digests.add(digest);
    }
    return digests;
  };
  const tagsOf = async (registry: RunningRegistry, name: string): Promise<string[]> => {
    const answer = await ask(registry, `${name}/tags/list`);
    return answer.status === 404 ? [] : (((await answer.json()) as { tags: string[] | null }).tags ?? []);
  };
  const expectValid = async (store: Store) => {
    expect((await verifyStore(store)).problems).toEqual([]);
    const own = readdirSync(store.layout.temporary);
    for (const name of own) expect(readdirSync(join(store.layout.temporary, name))).toEqual([]);
  };

  it(`pulls and pushes complete, or fail with a reason and leave nothing wrong (${ROUNDS} schedules)`, async (ctx) => {
    ctx.skip(!HAS_REGISTRY, 'docker-registry is not installed');
    const outcomes = new Map<string, number>();
    const spoilt = new Map<string, number>();
    const count = (counts: Map<string, number>, what: string, by = 1) =>
      counts.set(what, (counts.get(what) ?? 0) + by);
    for (let round = 0; round < ROUNDS; round++) {
      const random = generator(round);
      const registry = random(2) === 0 ? open : closed;
      // Tokens are the proxy's own: it stands before the registry as the front of a hosted one does.
      const tokens = random(3) === 0;
      const pushes = random(2) === 0;
      const rarity = 2 + random(8);
      const faults = spoilings(random);
      const proxy = await SpoilingProxy.start({
        port: registry.port,
        ...(tokens ? { tokensFor: ME, ...(registry.closed ? { upstream: LOGIN } : {}) } : {}),
        spoil: () => {
          if (random(rarity) > 0) return undefined;
          // Rare, since it is waited for.
          return random(150) === 0 ? { kind: 'silence' } : faults[random(faults.length)]!();
        },
      });
      const name = `round-${round}`;
      const source = openStore({ home: mkdtempSync(join(folder, 'store-')) });
      const target = openStore({ home: mkdtempSync(join(folder, 'store-')) });
      const spoiled = client(tokens || registry.closed ? ME : undefined);
      const straight = client(registry.closed ? ME : undefined);
      const through = parseReference(`${proxy.host}/${name}:1`);
      const directly = parseReference(`127.0.0.1:${registry.port}/${name}:1`);
      try {
        const pushed = anyImage(source, random);
        if (!pushes) await pushImage(source, straight, directly, pushed);
        let failure: unknown;
        try {
          if (pushes) await pushImage(source, spoiled, through, pushed);
          else await fetchLayers(target, spoiled, await pullImage(target, spoiled, through, AMD64));
        } catch (error) {
          failure = error;
        }
        count(outcomes, `${pushes ? 'push' : 'pull'} ${(failure as { code?: string })?.code ?? 'done'}`);
        if (failure === undefined) {
          expect((await readAll(registry, name, '1')).has(pushed.digest)).toBe(true);
          if (!pushes) {
            const pulled = await pullImage(target, straight, directly, AMD64);
            for (const { digest, size } of [pulled.manifest.config, ...pulled.manifest.layers])
              expect(target.blobs.has(digest, size)).toBe(true);
          }
        } else {
          expect(failure).toMatchObject({
            name: 'JettisonError',
            code: expect.stringMatching(/^(REGISTRY_|DIGEST_|MANIFEST_)/),
            message: expect.stringMatching(/./),
            hint: expect.stringMatching(/./),
          });
        }
        for (const tag of await tagsOf(registry, name)) await readAll(registry, name, tag);
        if (failure !== undefined) {
          // What was left half done is in nobody's way.
          if (pushes) await pushImage(source, straight, directly, pushed);
          else await fetchLayers(target, straight, await pullImage(target, straight, directly, AMD64));
          expect((await readAll(registry, name, '1')).has(pushed.digest)).toBe(true);
        }
        await expectValid(source);
        await expectValid(target);
        expect(proxy.leaks).toBe(0);
      } catch (error) {
        throw new Error(`in schedule ${round}`, { cause: error });
      } finally {
        spoiled.close();
        straight.close();
        await proxy.close();
        for (const [kind, times] of proxy.spoilt) count(spoilt, kind, times);
        for (const store of [source, target]) {
          store.close();
          if (existsSync(store.layout.home)) rmSync(store.layout.home, { recursive: true });
        }
      }
    }
    const show = (counts: Map<string, number>) =>
      [...counts]
        .sort()
        .map(([what, times]) => `${what} ${times}`)
        .join(', ');
    console.log(`${ROUNDS} schedules: ${show(outcomes)}\nspoilt: ${show(spoilt)}`);
    const done = (outcomes.get('push done') ?? 0) + (outcomes.get('pull done') ?? 0);
    expect(done).toBeGreaterThan(ROUNDS / 3);
  });
});
