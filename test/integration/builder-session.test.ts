import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ignoreRules } from '../../src/context/ignore.ts';
import { openLocalContext } from '../../src/context/local.ts';
import { parseBuilder } from '../../src/fleet/builder-address.ts';
import { BuilderConnection } from '../../src/fleet/builder-connection.ts';
import { checkBuilder } from '../../src/fleet/builder-facts.ts';
import { BuilderSession } from '../../src/fleet/builder-session.ts';
import { PACKET } from '../../src/fleet/protocol/files.ts';
import { solveRemotely } from '../../src/fleet/remote-solve.ts';
import { contentService } from '../../src/fleet/services/content.ts';
import { filesyncService, type SentFiles } from '../../src/fleet/services/filesync.ts';
import { sha256 } from '../../src/image/digest.ts';
import { MEDIA } from '../../src/image/types.ts';
import type { Tree } from '../../src/layer/tree.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { FakeBuilder, type FakeSession } from '../support/fake-builder.ts';
import { tempDir } from '../support/temp-dir.ts';

const IMAGE = Buffer.from('{"image":true}');

/** One solve at a builder that does what `serve` does. @returns the digest, and the store that got the image */
async function solve(
  serve: (session: FakeSession, store: Store) => Promise<unknown>,
  options: { tree?: Tree; signal?: AbortSignal; built?: (builder: FakeBuilder) => void } = {},
) {
  const store = openStore({ home: tempDir() });
  const builder = await FakeBuilder.start(async (session) => {
    await serve(session, store);
    await session.deliver(IMAGE);
    return sha256(IMAGE);
  });
  options.built?.(builder);
  const signal = options.signal ?? new AbortController().signal;
  const [address] = parseBuilder(builder.address, { env: {}, cwd: '/', signal });
  const connection = await BuilderConnection.open(address!, signal);
  const sources = new Map<string, SentFiles>();
  if (options.tree !== undefined) sources.set('context', { tree: options.tree });
  const services = [filesyncService(sources, () => {}), contentService(store.blobs, new Map())];
  try {
    const digest = await solveRemotely(
      connection,
      { name: 'test', key: 'k', services, attributes: {}, entitlements: [], onStatus: () => {} },
      signal,
    );
    return { digest, store };
  } finally {
    connection.close();
    builder.kill();
  }
}

function contextOf(files: Record<string, string | Buffer>) {
  const directory = tempDir();
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(directory, path, '..'), { recursive: true });
    writeFileSync(join(directory, path), content);
  }
  return { directory, tree: openLocalContext({ directory, ignore: ignoreRules([], '') }) };
}

describe('files of a session', () => {
  test('are all listed; only those that are asked for are sent', async () => {
    const { tree } = contextOf({ 'a.txt': 'one', 'src/b': 'two', empty: '', 'with, comma': 'three' });
    let all: Map<string, Buffer | undefined> | undefined;
    let some: Map<string, Buffer | undefined> | undefined;
    const { digest, store } = await solve(
      async (session) => {
        all = await session.receive('context');
        some = await session.receive('context', (path) => path === 'a.txt');
      },
      { tree },
    );
    expect(store.blobs.read(digest)).toEqual(IMAGE);
    expect([...all!].map(([path, data]) => [path, data?.toString()])).toEqual([
      ['a.txt', 'one'],
      ['empty', ''],
      ['src', undefined],
      ['src/b', 'two'],
      ['with, comma', 'three'],
    ]);
    expect([...some!.values()].filter((data) => data !== undefined)).toHaveLength(1);
  });

  test('can be many, large, and read slowly', async () => {
    const large = Buffer.alloc(8 << 20, 'x');
    const files = Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`many/${i % 40}/${i}`, '']));
    const { tree } = contextOf({ ...files, large });
    let received: Map<string, Buffer | undefined> | undefined;
    let most = 0;
    await solve(
      async (session) => {
        received = await session.receive('context', (path) => path === 'large');
        const call = session.files('context');
        call.write({ type: PACKET.request, id: 0 });
        for await (const { data } of call as AsyncIterable<{ type: number; data: Uint8Array }>) {
          most = Math.max(most, data.length);
          if (data.length > 0) break;
        }
      },
      { tree },
    );
    expect(received!.size).toBe(2000 + 40 + 2);
    expect(received!.get('large')!.equals(large)).toBe(true);
    expect(most).toBeLessThanOrEqual(32 << 10);
  });

  test('are refused under other names, by unknown numbers, and twice', async () => {
    const { tree } = contextOf({ a: 'one' });
    const answers: string[] = [];
    await solve(
      async (session) => {
        for (const [name, ids] of [
          ['../etc', [0]],
          ['context', [7]],
          ['context', [0, 0]],
        ] as const) {
          const call = session.files(name);
          for (const id of ids) call.write({ type: PACKET.request, id });
          try {
            for await (const { type, data } of call as AsyncIterable<{ type: number; data: Uint8Array }>) {
              if (type === PACKET.error) answers.push(Buffer.from(data).toString());
            }
          } catch (error) {
            answers.push((error as { details: string }).details);
          }
        }
      },
      { tree },
    );
    expect(answers[0]).toBe('the context "../etc": not found');
    expect(answers).toContain('there is no file 7');
    expect(answers).toContain('there is no file 0');
  });

  test('that change while they are sent end the transfer with a reason', async () => {
    const { tree, directory } = contextOf({ a: 'one' });
    let reason = '';
    await solve(
      async (session) => {
        const call = session.files('context');
        for await (const { type, stat, data } of call as AsyncIterable<{
          type: number;
          stat?: object;
          data: Uint8Array;
        }>) {
          if (type === PACKET.stat && stat === undefined) {
            writeFileSync(join(directory, 'a'), '');
            call.write({ type: PACKET.request, id: 0 });
          }
          if (type === PACKET.error) {
            reason = Buffer.from(data).toString();
            break;
          }
        }
      },
      { tree },
    );
    expect(reason).toBe('"a" changed while it was sent to the builder');
  });
});

describe('results of a session', () => {
  test('are stored only with their digest, and not sent when they are there', async () => {
    const sent: boolean[] = [];
    let failure: unknown;
    const { store } = await solve(async (session) => {
      sent.push(await session.deliver(Buffer.from('layer')), await session.deliver(Buffer.from('layer')));
      await session.deliver(Buffer.from('forged'), sha256('other')).catch((error: unknown) => {
        failure = error;
      });
    });
    expect(sent).toEqual([true, false]);
    expect(failure).toMatchObject({ details: expect.stringContaining('has the digest') });
    expect(store.blobs.has(sha256('other'))).toBe(false);
    expect(readdirSync(store.layout.blobs)).toHaveLength(2);
  });

  test('that are damaged in the store are sent anew', async () => {
    const layer = Buffer.from('layer');
    let wasSent = false;
    const { store } = await solve(async (session, { blobs }) => {
      writeFileSync(blobs.path(sha256(layer)), 'rotten');
      wasSent = await session.deliver(layer);
    });
    expect(wasSent).toBe(true);
    expect(store.blobs.read(sha256(layer))).toEqual(layer);
  });

  test('whose upload breaks off leave nothing', async () => {
    const { store } = await solve(async (session) => {
      const call = session.stream(
        '/containerd.services.content.v1.Content/Write',
        (await import('../../src/fleet/protocol/content-messages.ts')).writeRequest,
        (await import('../../src/fleet/protocol/content-messages.ts')).writeResponse,
        { 'buildkit-attachable-store-id': 'export' },
      );
      call.on('error', () => {});
      call.write({ action: 1, expected: sha256('abc'), total: 3, data: Buffer.from('ab') });
      await new Promise((resolve) => call.once('data', resolve));
      call.cancel();
    });
    expect(store.blobs.has(sha256('abc'))).toBe(false);
  });
});

/** Config and manifest of an image. */
function imageOf(layers: object[]): [config: Buffer, manifest: Buffer] {
  const config = Buffer.from(JSON.stringify({ rootfs: { type: 'layers', diff_ids: [] } }));
  const manifest = {
    ...{ schemaVersion: 2, mediaType: MEDIA.ociManifest, layers },
    config: { mediaType: MEDIA.ociConfig, digest: sha256(config), size: config.length },
  };
  return [config, Buffer.from(JSON.stringify(manifest))];
}

describe('a builder', () => {
  test('that falls silent is lost', async () => {
    const builder = await FakeBuilder.start(async () => '');
    const { signal } = new AbortController();
    const [address] = parseBuilder(builder.address, { env: {}, cwd: '/', signal });
    const connection = await BuilderConnection.open(address!, signal);
    const session = await BuilderSession.open(connection, [], { name: 'test', key: 'k', silenceMs: 50 });
    await expect(session.lost).rejects.toMatchObject({
      code: 'BUILDER_UNREACHABLE',
      message: expect.stringContaining('does not answer any more'),
    });
    session.close();
    connection.close();
    builder.kill();
  });

  test('whose progress does not end does not hold the build', async () => {
    const { digest } = await solve(async () => {}, { built: (builder) => (builder.endsStatus = false) });
    expect(digest).toBe(sha256(IMAGE));
  });

  test('that dies ends the solve with an error that names it', async () => {
    let builder: FakeBuilder | undefined;
    const solving = solve(
      async () => {
        builder!.kill();
        await new Promise(() => {});
      },
      { built: (one) => (builder = one) },
    );
    await expect(solving).rejects.toMatchObject({ code: 'BUILDER_UNREACHABLE' });
  });

  test('is left when the build is cancelled', async () => {
    const abort = new AbortController();
    const reason = new Error('cancelled');
    const solving = solve(
      async () => {
        abort.abort(reason);
        await new Promise(() => {});
      },
      { signal: abort.signal },
    );
    await expect(solving).rejects.toBe(reason);
  });

  test('that fails is shown with its reason', async () => {
    const solving = solve(async () => {
      throw new Error('exporter "oci" could not be found');
    });
    await expect(solving).rejects.toMatchObject({
      code: 'BUILDER_UNSUITABLE',
      hint: expect.stringContaining('containerd-snapshotter'),
    });
  });

  test('is checked by a small build', async () => {
    const image = imageOf([]);
    const builder = await FakeBuilder.start(async (session) => {
      const files = await session.receive('context');
      expect([...files.keys()]).toEqual(['marker']);
      for (const document of image) await session.deliver(document);
      return sha256(image[1]);
    });
    const { signal } = new AbortController();
    const [address] = parseBuilder(builder.address, { env: {}, cwd: '/', signal });
    const checks = await checkBuilder(address!, signal);
    expect(checks.map(({ name, ok }) => [name, ok])).toEqual([
      ['connection', true],
      ['workers', true],
      ['images', true],
    ]);
    builder.kill();
    expect(await checkBuilder(address!, signal)).toMatchObject([{ name: 'connection', ok: false }]);
  });
});
