import type { Emit } from '../events/event.ts';
import { type OnProgress, sparing } from '../events/transfer.ts';
import type { Descriptor } from '../image/types.ts';
import type { Worker } from '../protocol/operations.ts';
import type { Store } from '../store/store.ts';
import type { ImageMaker } from './image-maker.ts';
import type { BuiltPlatform } from './output.ts';

/** A build's result, and the services with which exporters deliver it. */
export interface Delivery {
  store: Store;
  built: BuiltPlatform[];
  /** Whether images are indexes, and files are in a folder per platform, even for one platform. */
  asIndex: boolean;
  maker: ImageMaker;
  /** Canonical names of the build, for outputs without names. */
  tags: string[];
  /** Time of all files in outputs of files: seconds since 1970. */
  time: number | undefined;
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
  emit: Emit;
  worker: () => Promise<Worker>;
  /** Downloads a blob of the base into the store. */
  fetchBlob: (blob: Descriptor) => Promise<void>;
}

/** Emits the events of a delivery: its start, transfers and end. */
export async function reported(
  { emit }: Delivery,
  what: string,
  work: (onProgress: OnProgress) => Promise<void>,
): Promise<void> {
  const started = Date.now();
  emit({ type: 'export.started', what });
  await work(sparing((progress) => emit({ type: 'transfer', of: what, direction: 'out', ...progress })));
  emit({ type: 'export.finished', what, durationMs: Date.now() - started });
}
