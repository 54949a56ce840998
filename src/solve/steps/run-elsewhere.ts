import type { Digest } from '../../image/digest.ts';
import type { Platform } from '../../image/types.ts';
import { LayerIndex } from '../../layer/layer-index.ts';
import type { TreeEntry } from '../../layer/tree.ts';
import type { RunStep } from '../../plan/plan.ts';
import { OutputCap } from '../../protocol/output-cap.ts';
import type { RemoteResult, RemoteRun, RemoteRunner } from '../../protocol/remote-run.ts';
import {
  installLayer,
  type LayerBlob,
  type LayerRecord,
  layerRecord,
  newLayerIdentity,
} from '../../store/layers.ts';
import type { SolvedLayer } from '../graph.ts';
import type { SolveContext } from '../solve-context.ts';
import { OUTPUT_LIMIT, StepOutput } from '../step-output.ts';
import type { StepPhases } from '../step-phases.ts';
import type { RunMounts } from './run-mounts.ts';

/**
 * Runs a command on a builder, and makes a layer of what comes back.
 *
 * @returns the layer, or how the command failed; undefined if this machine is to run it
 * @throws JettisonError `BUILDER_…`
 */
export async function runElsewhere(
  context: SolveContext,
  runner: RemoteRunner,
  { step, mounts, platform }: { step: RunStep; mounts: RunMounts; platform: Platform },
  key: Digest,
  below: readonly SolvedLayer[],
  phases: StepPhases,
): Promise<{ layer: LayerRecord } | (RemoteResult & { kind: 'failed' }) | undefined> {
  const request = await phases.during(
    'materialise',
    () => requestFor(context, step, mounts, platform, below),
    'preparing files',
  );
  const output = new StepOutput(context.emit, step.id);
  const cap = new OutputCap(OUTPUT_LIMIT, async (piece) => void output.add(piece));
  const running = () =>
    runner.run(request, {
      signal: context.signal,
      fetch: ({ blob }) => context.fetchBlob(blob),
      read: (entry) => readFile(context, entry),
      onOutput: (piece) => void cap.add(piece),
      onState: (text) => context.emit({ type: 'step.progress', step: step.id, text }),
      onRetry: ({ message }) => {
        if (context.warned.has(message)) return;
        context.warned.add(message);
        context.emit({ type: 'warning', code: 'BUILDER_LOST', message, location: step.location });
      },
    });
  const result = await phases.during('run', running).finally(() => cap.end());
  if (result?.kind !== 'done') return result;
  return { layer: await phases.during('scan', () => importLayer(context, key, result.layer)) };
}

async function requestFor(
  context: SolveContext,
  step: RunStep,
  mounts: RunMounts,
  platform: Platform,
  below: readonly SolvedLayer[],
): Promise<RemoteRun> {
  const layers = await Promise.all(
    below
      .filter((layer) => !layer.empty)
      .map(async (layer) => {
        // A layer of a shared cache; layers of base images are fetched when a builder asks for them.
        if (layer.created !== undefined) await layer.fetched?.('directory');
        return layer.blob();
      }),
  );
  const { hosts, ulimits, shmSize, timeout } = context.run;
  const { id, title, args, env, hiddenEnv, cwd, user, network, insecure = false, hostname, script } = step;
  return {
    ...{ stage: id.slice(0, id.lastIndexOf('/')), title, platform, below: layers },
    ...{ args, env, hiddenEnv, cwd, user, network, insecure, hostname, script },
    ...{ hosts, ulimits, shmSize, timeoutMs: timeout, noCache: context.noCache },
    mounts: await mounts.forBuilder(),
  };
}

async function readFile(context: SolveContext, { source, size }: TreeEntry): Promise<Uint8Array> {
  if (source === undefined) return Buffer.alloc(0);
  return (await context.worker()).read({ source, limit: size });
}

/** Reads the layer's files, which verifies it. Its directory is made when a step of this machine needs it. */
async function importLayer(
  context: SolveContext,
  key: Digest,
  packed: LayerBlob | undefined,
): Promise<LayerRecord> {
  const { store } = context;
  const layer = newLayerIdentity(store.layers, key, 'run');
  if (packed === undefined) {
    const index = LayerIndex.of([]);
    return installLayer(store.layout, { record: layerRecord(layer, index), index: index.bytes });
  }
  const { blob, diffId } = packed;
  const worker = await context.worker();
  return worker.unpack({
    layer,
    path: store.blobs.path(blob.digest),
    expect: { digest: blob.digest, diffId },
    whiteouts: true,
    directory: false,
  });
}
