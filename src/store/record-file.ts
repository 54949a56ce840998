import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { canonicalJson } from '../image/digest.ts';

/**
 * Records are the JSON files that the store keeps for itself. The last member of each is a checksum of all that
 * stands before it, so that no changed bit is taken for a fact:
 *
 *     {"diffId":"sha256:…","blob":{…},"checksum":"<sha256 of `{"diffId":"sha256:…","blob":{…},`>"}
 */
const MEMBER = Buffer.from('"checksum":"');
const END = Buffer.from('"}');
const HEX = 64;
const TAIL = MEMBER.length + HEX + END.length;
/** A last member of that length that is not a checksum: one of which the name has been damaged. */
const ODD_TAIL = /"[^"]{0,16}":"[^"]{64}"\}\s*$/;

/** The text of a record. @param value an object; @param body its JSON, where the caller has it already */
export function recordText(value: object, body: string = canonicalJson(value)): string {
  const facts = body === '{}' ? '{' : `${body.slice(0, -1)},`;
  return `${facts}${MEMBER}${hash('sha256', facts, 'hex')}${END}`;
}

/**
 * The value of a record; undefined when there is no such file. A damaged one counts as none: what it says is found
 * out again. Files are written whole and renamed, but a power failure may leave the name and not the content, and
 * disks and other programs change bits.
 *
 * @param options.unsealed take a file without a checksum: what earlier versions wrote and nothing can find out again
 */
export function readRecord<T extends object>(path: string, options?: { unsealed: boolean }): T | undefined {
  const found = lookAtRecord<T>(path, options);
  return found === 'missing' || found === 'damaged' ? undefined : found;
}

/** The same, which tells a damaged record from none. */
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
    const told = bytes.toString('latin1', at + MEMBER.length, bytes.length - END.length);
    if (told !== hash('sha256', facts, 'hex')) return undefined;
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
