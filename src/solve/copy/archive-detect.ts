import { JettisonError } from '../../errors/error.ts';
import { decompress } from '../../layer/decompress.ts';
import { readRegularFile } from '../../layer/host-file.ts';

const BLOCK = 512;
const CHECKSUM = { start: 148, end: 156 };

/**
 * Whether ADD extracts a local file: a tar, uncompressed or compressed with gzip, zstd, bzip2 or xz, with any name. Reads
 * the beginning of the file only.
 *
 * @param path absolute path of a file of the build context
 * @throws JettisonError `DECOMPRESSOR_MISSING` when the program for its compression is not installed
 */
export async function isArchive(path: string): Promise<boolean> {
  const parts: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of decompress(readRegularFile(path, 1 << 16))) {
      parts.push(chunk);
      length += chunk.length;
      if (length >= BLOCK) break;
    }
  } catch (error) {
    if (error instanceof JettisonError && error.code === 'COMPRESSION_INVALID') return false;
    throw error;
  }
  return isTarHeader(Buffer.concat(parts));
}

/** Whether bytes begin with a tar header: checks its checksum. */
function isTarHeader(bytes: Uint8Array): boolean {
  if (bytes.length < BLOCK) return false;
  const text = Buffer.from(bytes.subarray(CHECKSUM.start, CHECKSUM.end)).toString('latin1');
  const written = /^[ \0]*([0-7]+)[ \0]*$/.exec(text)?.[1];
  if (written === undefined) return false;
  let unsigned = 0;
  let signed = 0;
  for (let i = 0; i < BLOCK; i++) {
    const byte = i >= CHECKSUM.start && i < CHECKSUM.end ? 32 : bytes[i]!;
    unsigned += byte;
    signed += byte > 127 ? byte - 256 : byte;
  }
  const sum = Number.parseInt(written, 8);
  return sum === unsigned || sum === signed;
}
