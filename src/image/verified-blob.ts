import { createHash } from 'node:crypto';
import { JettisonError } from '../errors/error.ts';
import type { Digest } from './digest.ts';
import type { Descriptor } from './types.ts';

/**
 * Passes on the bytes of a blob, and verifies digest and size at their end.
 *
 * @param hint of the error: where the damage may come from, and what to do
 * @throws JettisonError `DIGEST_MISMATCH` after the last byte
 */
export async function* verifiedBlob<T extends Uint8Array>(
  { digest, size }: Pick<Descriptor, 'digest' | 'size'>,
  bytes: AsyncIterable<T>,
  hint: string,
): AsyncGenerator<T> {
  const hash = createHash('sha256');
  let count = 0;
  for await (const chunk of bytes) {
    hash.update(chunk);
    count += chunk.byteLength;
    yield chunk;
  }
  const actual: Digest = `sha256:${hash.digest('hex')}`;
  if (actual === digest && count === size) return;
  const message = `a blob that should be ${digest} (${size} bytes) is ${actual} (${count} bytes)`;
  throw new JettisonError('DIGEST_MISMATCH', message, { hint });
}

/** A blob in memory, as `verifiedBlob` verifies it. Callers check its size before. */
export async function wholeBlob(
  descriptor: Pick<Descriptor, 'digest' | 'size'>,
  bytes: AsyncIterable<Uint8Array>,
  hint: string,
): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of verifiedBlob(descriptor, bytes, hint)) chunks.push(chunk);
  return Buffer.concat(chunks);
}
