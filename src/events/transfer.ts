/** How far something has got on its way: a blob, an archive, the file behind a URL. Counts are bytes. */
export interface TransferProgress {
  /** A digest, a URL or a path: unique among the transfers of one step, export or command. */
  item: string;
  /** Absent while it is not known. */
  size?: number;
  /**
   * `unpacking`: all bytes are here, and become files. `present`: it was there already. `mounted`: the registry
   * took it from another repository.
   */
  state: 'waiting' | 'moving' | 'unpacking' | 'done' | 'present' | 'mounted';
  /** So far; may go back when a transfer has to start again. */
  moved: number;
}

export type OnProgress = (progress: TransferProgress) => void;

/** Bytes that move are reported at most this often for each item, in milliseconds. */
const EVERY_MS = 100;

/** Passes on every change of state, and of what moves in between no more than anybody can read. */
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

/** Passes a stream of bytes on, and reports how many there were so far; that they are right is for others to say. */
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

/** The same for what needs no check at its end. */
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

/** A URL as it is shown while it is fetched: without what may be secret in it. */
export function transferName(url: string): string {
  if (!URL.canParse(url)) return url.replace(/^.*@/, '');
  const { host, pathname } = new URL(url);
  return host + pathname;
}
