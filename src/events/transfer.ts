/** Progress of a transfer: a blob, an archive, the file of a URL. Counts are bytes. */
export interface TransferProgress {
  /** A digest, a URL or a path: unique among the transfers of one step, export or command. */
  item: string;
  /** Absent while unknown. */
  size?: number;
  /**
   * `unpacking`: all bytes have arrived, files are being written. `present`: it existed already. `mounted`: the registry
   * mounted it from another repository.
   */
  state: 'waiting' | 'moving' | 'unpacking' | 'done' | 'present' | 'mounted';
  /** Bytes so far; decreases if a transfer starts again. */
  moved: number;
}

export type OnProgress = (progress: TransferProgress) => void;

/** Minimum time between two reports of moving bytes per item, in milliseconds. */
const EVERY_MS = 100;

/** Passes on every change of state, and limits the rate of other reports. */
export function sparing(onProgress: OnProgress, now: () => number = Date.now): OnProgress {
  const last = new Map<string, { state: TransferProgress['state']; at: number }>();
  return (progress) => {
    const { item, state } = progress;
    const before = last.get(item);
    const at = now();
    if (before?.state === state && at - before.at < EVERY_MS) return;
    last.set(item, { state, at });
    onProgress(progress);
  };
}

/** Passes a stream of bytes on, and reports their count. Does not report `done`: the caller verifies them first. */
export async function* counted<T extends Uint8Array>(
  source: AsyncIterable<T>,
  { item, size, onProgress }: { item: string; size?: number; onProgress: OnProgress },
): AsyncGenerator<T> {
  const facts = size === undefined ? { item } : { item, size };
  let moved = 0;
  onProgress({ ...facts, state: 'moving', moved });
  for await (const chunk of source) {
    yield chunk;
    moved += chunk.byteLength;
    onProgress({ ...facts, state: 'moving', moved });
  }
}

/** The same, and reports `done` at the end, for content that needs no verification. */
export async function* countedToEnd<T extends Uint8Array>(
  source: AsyncIterable<T>,
  { item, onProgress }: { item: string; onProgress: OnProgress },
): AsyncGenerator<T> {
  let moved = 0;
  for await (const chunk of counted(source, { item, onProgress })) {
    moved += chunk.byteLength;
    yield chunk;
  }
  onProgress({ item, size: moved, state: 'done', moved });
}

/** A URL for progress output, without parts that may be secret. */
export function transferName(url: string): string {
  if (!URL.canParse(url)) return url.replace(/^.*@/, '');
  const { host, pathname } = new URL(url);
  return host + pathname;
}
