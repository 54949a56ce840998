import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import * as content from '../../src/fleet/protocol/content-messages.ts';
import { bytes, message, text } from '../../src/fleet/protocol/message.ts';
import { sha256 } from '../../src/image/digest.ts';
import { type Manifest, MEDIA } from '../../src/image/types.ts';
import { TestBuilds } from '../support/build.ts';
import { FakeBuilder, type FakeSession } from '../support/fake-builder.ts';
import { makeTar } from '../support/images.ts';
import { tempDir } from '../support/temp-dir.ts';

const SECRET = 'a-secret-that-stays-in-the-session';
const secretRequest = message({ id: text(1) });
const secretResponse = message({ data: bytes(1) });

let builds: TestBuilds;
let builders: FakeBuilder[];
let seen: { dockerfile: string; attributes: Record<string, string>; secret: string }[];
beforeEach(async () => {
  builds = await TestBuilds.create();
  builders = [];
  seen = [];
});
afterEach(() => {
  for (const builder of builders) builder.kill();
  builds.remove();
});

/** Runs no command, but returns a layer with the file `made`, on the layers that it is offered. @param said of the layer, wrongly */
async function pretend(
  session: FakeSession,
  attributes: Record<string, string>,
  said: { mediaType?: string; size?: number } = {},
): Promise<string> {
  const files = await session.receive('dockerfile');
  const secret = await session.unary(
    '/moby.buildkit.secrets.v1.Secrets/GetSecret',
    secretRequest,
    secretResponse,
    { id: 'token' },
  );
  seen.push({
    dockerfile: files.get('Dockerfile')!.toString(),
    attributes,
    secret: Buffer.from(secret.data).toString(),
  });
  const read = async (digest: string) => {
    const chunks: Uint8Array[] = [];
    const call = session.serverStream(
      '/containerd.services.content.v1.Content/Read',
      content.readRequest,
      content.readResponse,
      { digest },
      { 'buildkit-attachable-store-id': 'oci:below' },
    );
    for await (const { data } of call) chunks.push(data);
    return Buffer.concat(chunks);
  };
  const digest = attributes['context:below']!.split('@')[1]!;
  const manifest = JSON.parse((await read(digest)).toString());
  const config = JSON.parse((await read(manifest.config.digest)).toString());
  const tar = makeTar([['made', config.config.Env.join(' ')]]);
  const blob = gzipSync(tar);
  config.rootfs.diff_ids.push(`sha256:${createHash('sha256').update(tar).digest('hex')}`);
  const configBytes = Buffer.from(JSON.stringify(config));
  const result = Buffer.from(
    JSON.stringify({
      ...manifest,
      config: { mediaType: MEDIA.ociConfig, digest: sha256(configBytes), size: configBytes.length },
      layers: [
        ...manifest.layers,
        { mediaType: MEDIA.ociLayerGzip, digest: sha256(blob), size: blob.length, ...said },
      ],
    }),
  );
  for (const data of [blob, configBytes, result]) await session.deliver(data);
  return sha256(result);
}

async function builderOf(
  solve: (session: FakeSession, attributes: Record<string, string>) => Promise<string>,
) {
  const builder = await FakeBuilder.start((session, { frontendAttrs }) => solve(session, frontendAttrs));
  builders.push(builder);
  return builder;
}

const DOCKERFILE = `FROM scratch
ENV A=1
COPY file /
RUN --mount=type=secret,id=token ["make"]
`;

describe('RUN on a builder', () => {
  const options = () => {
    const file = join(tempDir(), 'token');
    writeFileSync(file, SECRET);
    return { secrets: { token: { file } } };
  };

  test('gives a layer that later builds of this machine use', async () => {
    builds.write({ file: 'content' });
    const { address } = await builderOf(pretend);
    const first = await builds.build(DOCKERFILE, { ...options(), builders: [address], tags: ['app'] });
    expect(first.outcomes['RUN --mount=type=secret,id=token ["make"]']).toBe('done');
    expect(seen).toHaveLength(1);
    expect(seen[0]).toMatchObject({ secret: SECRET, attributes: { platform: 'linux/amd64' } });
    expect(seen[0]!.dockerfile).toMatch(/^FROM below\nRUN --mount=type=secret,id=token,.* \["make"\]\n$/);
    const again = await builds.build(DOCKERFILE, options());
    expect(again.digest).toBe(first.digest);
    expect(new Set(Object.values(again.outcomes))).toEqual(new Set(['cached']));
    // The secret is in no attribute, and nowhere in the store.
    expect(JSON.stringify(seen[0]!.attributes)).not.toContain(SECRET);
    for (const name of readdirSync(builds.home, { recursive: true, encoding: 'utf8' })) {
      const path = join(builds.home, name);
      if (statSync(path).isFile()) expect(readFileSync(path).includes(SECRET), name).toBe(false);
    }
  });

  test('offers the secrets of its own mounts, and no others', async () => {
    builds.write({ file: 'content' });
    const answers: string[] = [];
    const { address } = await builderOf(async (session, attributes) => {
      for (const id of ['token', 'other']) {
        await session
          .unary('/moby.buildkit.secrets.v1.Secrets/GetSecret', secretRequest, secretResponse, { id })
          .then(
            ({ data }) => answers.push(Buffer.from(data).toString()),
            (error: { details: string }) => answers.push(error.details),
          );
      }
      return pretend(session, attributes);
    });
    const { secrets } = options();
    await builds.build(DOCKERFILE, {
      secrets: { ...secrets, other: { value: 'of another command' } },
      builders: [address],
    });
    expect(answers).toEqual([SECRET, 'secret "other": not found']);
  });

  test('goes to the next builder when one cannot return images', async () => {
    builds.write({ file: 'content' });
    const addresses: string[] = [];
    for (const reason of ['exporter "oci" could not be found', undefined]) {
      const { address } = await builderOf(async (session, attributes) => {
        if (reason !== undefined) throw new Error(reason);
        return pretend(session, attributes);
      });
      addresses.push(address);
    }
    const made = await builds.build(DOCKERFILE, {
      ...options(),
      builders: addresses,
      fallback: 'none',
    });
    expect(made.outcomes['RUN --mount=type=secret,id=token ["make"]']).toBe('done');
  });

  test('has the record of the layer that was measured here, not of the builder', async () => {
    builds.write({ file: 'content' });
    const { address } = await builderOf((session, attributes) =>
      pretend(session, attributes, { mediaType: MEDIA.ociLayer, size: 1 }),
    );
    await builds.build(DOCKERFILE, { ...options(), builders: [address] });
    const { manifest } = await builds.build(DOCKERFILE, options());
    const layer = builds.store.blobs.readJson<Manifest>(manifest.digest).layers.at(-1)!;
    expect(layer.mediaType).toBe(MEDIA.ociLayerGzip);
    expect(layer.size).toBeGreaterThan(1);
  });

  test('goes to the next builder when one dies, and fails when there is none', async () => {
    builds.write({ file: 'content' });
    const dying = await builderOf(async () => {
      for (const builder of builders.filter((one) => one === dying)) builder.kill();
      return new Promise(() => {});
    });
    const working = await builderOf(pretend);
    for (let round = 0; round < 2; round++) {
      const made = await builds.build(DOCKERFILE, {
        ...options(),
        noCache: true,
        builders: [dying.address, working.address],
        fallback: 'none',
      });
      expect(seen).toHaveLength(round + 1);
      expect(made.outcomes['RUN --mount=type=secret,id=token ["make"]']).toBe('done');
    }
    await expect(
      builds.build(DOCKERFILE, { ...options(), noCache: true, builders: [dying.address], fallback: 'none' }),
    ).rejects.toMatchObject({ code: 'BUILDER_UNREACHABLE' });
  });

  test('that fails is shown as a failure of the command', async () => {
    builds.write({ file: 'content' });
    const { address } = await builderOf(async () => {
      throw new Error('process "make" did not complete successfully: exit code: 3');
    });
    await expect(builds.build(DOCKERFILE, { ...options(), builders: [address] })).rejects.toMatchObject({
      code: 'RUN_FAILED',
      details: { exitCode: 3 },
      location: { line: 4 },
    });
  });

  test('is refused other layers than those that were offered', async () => {
    builds.write({ file: 'content' });
    const { address } = await builderOf(async (session, attributes) => {
      const digest = await pretend(session, attributes);
      const forged = Buffer.from(
        JSON.stringify({
          schemaVersion: 2,
          mediaType: MEDIA.ociManifest,
          config: { mediaType: MEDIA.ociConfig, digest, size: 10 },
          layers: [],
        }),
      );
      await session.deliver(forged);
      return sha256(forged);
    });
    await expect(
      builds.build(DOCKERFILE, { ...options(), builders: [address], fallback: 'none' }),
    ).rejects.toMatchObject({ code: 'BUILDER_FAILED' });
  });

  test('is refused with limits that a builder cannot keep', async () => {
    await expect(
      builds.build('FROM scratch\n', { builders: ['tcp://127.0.0.1:1'], limits: { memory: 1 } }),
    ).rejects.toMatchObject({ code: 'OPTION_UNSUPPORTED', exitCode: 2 });
  });
});
