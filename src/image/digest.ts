import { createHash } from 'node:crypto';

/** A content digest as the OCI image specification writes it; Jettison makes and accepts sha256 only. */
export type Digest = `sha256:${string}`;

const PATTERN = /^sha256:[0-9a-f]{64}$/;

/** True for a well-formed `sha256:<64 hex>` digest. */
export function isDigest(text: string): text is Digest {
  return PATTERN.test(text);
}

/** The 64 hexadecimal digits of a digest. */
export function hex(digest: Digest): string {
  return digest.slice('sha256:'.length);
}

/** Digest of bytes, or of a string's UTF-8 bytes. */
export function sha256(data: string | Uint8Array): Digest {
  return `sha256:${createHash('sha256').update(data).digest('hex')}`;
}

/** JSON with the keys of every object sorted by code unit, so that equal values give equal bytes. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
      : inner,
  );
}

/** Digest of a value's canonical JSON: how definitions and observations become keys. */
export function digestOf(value: unknown): Digest {
  return sha256(canonicalJson(value));
}
