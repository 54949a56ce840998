import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseBuilder } from '../../src/fleet/builder-address.ts';
import { Fleet } from '../../src/fleet/fleet.ts';
import { sha256 } from '../../src/image/digest.ts';
import { MEDIA } from '../../src/image/types.ts';
import type { RemoteRun } from '../../src/protocol/remote-run.ts';
import { openStore } from '../../src/store/store.ts';
import { FakeBuilder, type FakeSession } from '../support/fake-builder.ts';
import { tempDir } from '../support/temp-dir.ts';

const RUN: RemoteRun = {
  ...{ stage: 's', title: 'RUN x', platform: { os: 'linux', architecture: 'amd64' }, below: [], args: ['x'] },
  ...{ env: [], hiddenEnv: [], cwd: '/', user: '', network: 'default', insecure: false, hostname: undefined },
  ...{ script: undefined, mounts: [], hosts: [], ulimits: [], shmSize: undefined, timeoutMs: undefined },
  noCache: false,
};

let warnings: string[];
let builders: FakeBuilder[];
beforeEach(() => {
  warnings = [];
  builders = [];
});
afterEach(() => {
  for (const builder of builders) builder.kill();
});

/** Returns an image without layers: the command changed nothing. */
async function deliverNothing(session: FakeSession): Promise<string> {
  const config = Buffer.from(JSON.stringify({ rootfs: { type: 'layers', diff_ids: [] } }));
  const manifest = {
    ...{ schemaVersion: 2, mediaType: MEDIA.ociManifest, layers: [] },
    config: { mediaType: MEDIA.ociConfig, digest: sha256(config), size: config.length },
  };
  const bytes = Buffer.from(JSON.stringify(manifest));
  for (const document of [config, bytes]) await session.deliver(document);
  return sha256(bytes);
}

function fleetOf(...addresses: string[]) {
  const { signal } = new AbortController();
  const fleet = new Fleet({
    ...{ store: openStore({ home: tempDir() }), secrets: new Map(), agents: new Map() },
    ...{ fallback: 'none', project: 'p', signal },
    builders: addresses.flatMap((text) => parseBuilder(text, { env: {}, cwd: '/', signal })),
  });
  const run = () =>
    fleet.run(RUN, {
      signal,
      fetch: async () => {},
      read: async () => Buffer.alloc(0),
      onOutput: () => {},
      onState: () => {},
      onRetry: ({ message }) => warnings.push(message),
    });
  return { fleet, run };
}

async function start(solve: (session: FakeSession) => Promise<string>): Promise<FakeBuilder> {
  const builder = await FakeBuilder.start(solve);
  builders.push(builder);
  return builder;
}

const DONE = { kind: 'done', layer: undefined };

test('a command that fails at a builder leaves the connection to the others', async () => {
  let fail: () => void = () => {};
  const failed = new Promise<void>((resolve) => (fail = resolve));
  let solves = 0;
  const { address, connections } = await start(async (session) => {
    if (++solves === 2) throw new Error('no space left');
    if (solves === 1) await failed;
    return deliverNothing(session);
  });
  const { fleet, run } = fleetOf(address);
  const first = run();
  await expect.poll(() => solves).toBe(1);
  await expect(run()).rejects.toMatchObject({ code: 'BUILDER_FAILED' });
  fail();
  expect(await first).toEqual(DONE);
  expect(await run()).toEqual(DONE);
  expect(connections.count).toBe(1);
  fleet.close();
});

test('a builder that cannot be reached is tried at the first command only', async () => {
  const path = join(tempDir(), 'closes.sock');
  let connections = 0;
  const closing = createServer((socket) => {
    connections++;
    socket.destroy();
  });
  await once(closing.listen(path), 'listening');
  const working = await start(deliverNothing);
  const { fleet, run } = fleetOf(`unix://${path}`, working.address);
  expect(await run()).toEqual(DONE);
  const before = connections;
  expect(before).toBeGreaterThan(0);
  for (let round = 0; round < 2; round++) expect(await run()).toEqual(DONE);
  expect(connections).toBe(before);
  expect(new Set(warnings).size).toBe(1);
  fleet.close();
  closing.close();
});
