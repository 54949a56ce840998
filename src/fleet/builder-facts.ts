import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { JettisonError } from '../errors/error.ts';
import { formatPlatform } from '../image/platform.ts';
import { openStore } from '../store/store.ts';
import type { BuilderAddress } from './builder-address.ts';
import { BuilderConnection } from './builder-connection.ts';
import { fileTree } from './memory-files.ts';
import { solveRemotely } from './remote-solve.ts';
import { returnedImage } from './returned-image.ts';
import { contentService } from './services/content.ts';
import { filesyncService } from './services/filesync.ts';

/** What a builder says of itself. */
export interface BuilderFacts {
  /** Of its BuildKit; undefined if it does not say. */
  version: string | undefined;
  workers: { id: string; platforms: string[]; labels: Record<string, string> }[];
}

export async function builderFacts(connection: BuilderConnection): Promise<BuilderFacts> {
  const workers = await connection.workers();
  return {
    version: connection.version,
    workers: workers.map(({ id, platforms, labels }) => ({
      id,
      platforms: platforms.map(({ os, architecture, variant }) =>
        formatPlatform({ os, architecture, ...(variant !== '' && { variant }) }),
      ),
      labels: { ...labels },
    })),
  };
}

/** One requirement of `jettison build --builder`, and whether a builder meets it. */
export interface BuilderCheck {
  name: string;
  ok: boolean;
  /** What was found, or why it fails. */
  text: string;
  hint?: string;
}

/**
 * Tries everything that a build needs of a builder: a connection, a worker, and a small solve with a context, whose
 * image comes back. The first failure ends it.
 */
export async function checkBuilder(address: BuilderAddress, signal: AbortSignal): Promise<BuilderCheck[]> {
  const checks: BuilderCheck[] = [];
  let connection: BuilderConnection | undefined;
  const attempt = async (name: string, work: () => Promise<string>): Promise<boolean> => {
    try {
      checks.push({ name, ok: true, text: await work() });
      return true;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof JettisonError)) throw error;
      const { message, hint } = error;
      checks.push({ name, ok: false, text: message, ...(hint !== undefined && { hint }) });
      return false;
    }
  };
  try {
    const isConnected = await attempt('connection', async () => {
      connection = await BuilderConnection.open(address, signal);
      return `BuildKit ${connection.version ?? 'of an unknown version'}`;
    });
    if (!isConnected) return checks;
    const hasWorkers = await attempt('workers', async () => {
      const { workers } = await builderFacts(connection!);
      if (workers.length === 0) throw new JettisonError('BUILDER_FAILED', 'it has no worker', {});
      return [...new Set(workers.flatMap(({ platforms }) => platforms))].join(', ');
    });
    if (!hasWorkers) return checks;
    await attempt('images', async () => {
      await trySolve(connection!, signal);
      return 'a small build was solved, and its image came back';
    });
    return checks;
  } finally {
    connection?.close();
  }
}

/** @throws JettisonError `BUILDER_FAILED` */
async function trySolve(connection: BuilderConnection, signal: AbortSignal): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), 'jettison-check-'));
  const store = openStore({ home });
  try {
    // The content is new each time, so that it has to travel.
    const files = {
      Dockerfile: 'FROM scratch\nCOPY marker /\n',
      marker: `${Date.now()} ${Math.random()}\n`,
    };
    const sources = new Map([
      ['dockerfile', { tree: fileTree({ Dockerfile: files.Dockerfile }) }],
      ['context', { tree: fileTree({ marker: files.marker }) }],
    ]);
    const digest = await solveRemotely(
      connection,
      {
        name: 'check',
        key: 'jettison-check',
        services: [filesyncService(sources, () => {}), contentService(store.blobs, new Map())],
        attributes: { 'no-cache': '' },
        entitlements: [],
        onStatus: () => {},
      },
      signal,
    );
    returnedImage(store.blobs, digest, connection.address.text);
  } finally {
    store.close();
    rmSync(home, { recursive: true, force: true });
  }
}
