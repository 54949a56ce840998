import { createHash, type Hash } from 'node:crypto';
import { JettisonError } from '../errors/error.ts';
import type { Layer } from '../image/image.ts';
import { readLayer } from '../image/read-layer.ts';
import { decompress } from '../layer/decompress.ts';
import { TarReader } from '../layer/tar-read.ts';

/** Takes the bytes of a file; `restart` when those so far were of another one. */
export interface ContentSink {
  restart(): void;
  write(chunk: Buffer): void;
}

/**
 * Reads one file out of a layer: streams the layer up to the member that has the content, and no further. It recognises
 * the member by size and digest, so that neither links in the archive nor a duplicate name lead to other bytes.
 *
 * @param content size in bytes and sha256 (64 hex digits) of the file, as the layer's index has them
 * @throws JettisonError `CONTENT_MISSING` when the layer has no such file: it is not the layer that was indexed
 */
export async function readContent(
  layer: Layer,
  content: { size: number; digest: string | undefined },
  sink: ContentSink,
  options: { signal?: AbortSignal; onBytes?: (count: number) => void } = {},
): Promise<void> {
  await readLayer(layer, async () => {
    let hash: Hash | undefined;
    let found = false;
    const reader = new TarReader({
      entry({ type, size }) {
        hash = !found && type === 'file' && size === content.size ? createHash('sha256') : undefined;
        if (hash !== undefined) sink.restart();
      },
      data(chunk) {
        hash?.update(chunk);
        if (hash !== undefined) sink.write(chunk);
      },
      end() {
        if (hash === undefined) return;
        found = hash.digest('hex') === content.digest;
        hash = undefined;
      },
    });
    async function* packed() {
      for await (const chunk of layer.open(options.signal)) {
        options.signal?.throwIfAborted();
        options.onBytes?.(chunk.length);
        yield chunk;
      }
    }
    for await (const chunk of decompress(packed())) {
      reader.write(chunk);
      if (found) return;
    }
    throw new JettisonError(
      'CONTENT_MISSING',
      `the layer ${layer.blob.digest} has no file with the digest sha256:${content.digest}`,
      {
        hint: 'The layer is damaged, or has changed since it was indexed: `jettison doctor --store` checks the store.',
      },
    );
  });
}
