import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { canonicalJson } from '../image/digest.ts';

/**
 * Records are the store's own JSON files. The last member of each is a checksum of all bytes before it, so that
 * damage is detected:
 *
 *     {"diffId":"sha256:…","blob":{…},"checksum":"<sha256 of `{"diffId":"sha256:…","blob":{…},`>"}
 */
const MEMBER = Buffer.from('"checksum":"');
const END = Buffer.from('"}');
const HEX = 64;
const TAIL = MEMBER.length + HEX + END.length;
/** A last member of a checksum's length with another name: a checksum whose name is damaged. */
const ODD_TAIL = /"[^"]{0,16}":"[^"]{64}"\}\s*$/;

/** The text of a record. @param body the JSON of `value`, if the caller has it already */
export function recordText(value: object, body: string = canonicalJson(value)): string {
  const facts = body === '{}' ? '{' : `${body.slice(0, -1)},`;
  return `${facts}${MEMBER}${hash('sha256', facts, 'hex')}${END}`;
}

/**
 * The value of a record; undefined for a missing or damaged file, whose facts are then found out again. A power failure
 * can leave a file without its content, and disks and other programs can change bits.
 *
 * @param options.unsealed accept a file without a checksum, of an earlier version: for facts that cannot be found again
 */
export function readRecord<T extends object>(path: string, options?: { unsealed: boolean }): T | undefined {
  const found = lookAtRecord<T>(path, options);
  return found === 'missing' || found === 'damaged' ? undefined : found;
}

/** Like `readRecord`, but distinguishes a damaged record from a missing one. */
export function lookAtRecord<T extends object>(
  path: string,
  options: { unsealed: boolean } = { unsealed: false },
): T | 'missing' | 'damaged' {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return 'missing';
    throw error;
  }
  return parseRecord<T>(bytes, options) ?? 'damaged';
}

/** A record from its bytes; undefined when it is damaged. */
export function parseRecord<T extends object>(
  bytes: Buffer,
  { unsealed }: { unsealed: boolean } = { unsealed: false },
): T | undefined {
  const at = bytes.length - TAIL;
  const isSealed =
    at > 0 &&
    bytes.subarray(at, at + MEMBER.length).equals(MEMBER) &&
    bytes.subarray(bytes.length - END.length).equals(END);
  const facts = bytes.subarray(0, Math.max(at, 0));
  if (isSealed) {
    const checksum = bytes.toString('latin1', at + MEMBER.length, bytes.length - END.length);
    if (checksum !== hash('sha256', facts, 'hex')) return undefined;
  } else if (!unsealed || ODD_TAIL.test(bytes.toString('latin1', Math.max(at - 32, 0)))) {
    return undefined;
  }
  try {
    const value = JSON.parse(bytes.toString('utf8')) as unknown;
    if (typeof value !== 'object' || value === null) return undefined;
    if (isSealed) delete (value as { checksum?: string }).checksum;
    return value as T;
  } catch {
    return undefined;
  }
}
