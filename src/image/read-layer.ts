import { JettisonError } from '../errors/error.ts';
import type { Layer } from './image.ts';

/** Codes of errors that damaged bytes lead to. */
const DAMAGE = /^(DIGEST_|COMPRESSION_|TAR_|CONTENT_|LIMIT_)/;

/**
 * Reads a layer whose bytes are not verified before. If they turn out to be wrong, and its source can get a verified copy,
 * it is read again from that: one damaged mirror does not end the command.
 *
 * @param read opens the layer and reads it; must forget an attempt that failed
 */
export async function readLayer<T>(layer: Layer, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    const isDamaged = error instanceof JettisonError && DAMAGE.test(error.code);
    if (!isDamaged || !(await layer.fetch?.())) throw error;
    return read();
  }
}
