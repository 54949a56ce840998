import { JettisonError } from '../errors/error.ts';
import { isObject } from '../fields/json-values.ts';
import { type Digest, hex } from '../image/digest.ts';
import { parseDocument } from '../image/sound.ts';

/** A statement that others may have made: of version 1 or 0.1. */
export interface ReadStatement {
  predicateType: string;
  /** Hex sha256 digests of its subjects. */
  subjects: string[];
  predicate: object;
}

/**
 * Reads an in-toto statement.
 *
 * @param what the document, for messages
 * @throws JettisonError `ATTESTATION_INVALID`, `IMAGE_INVALID` for what is not JSON
 */
export function readStatement(bytes: Uint8Array, what: string): ReadStatement {
  const value = parseDocument(bytes, what);
  if (!isObject(value)) throw invalid(what, 'it is not an object');
  const { _type: type, predicateType, subject, predicate } = value;
  if (typeof type !== 'string' || !/^https:\/\/in-toto\.io\/Statement\/v(?:0\.1|1)$/.test(type)) {
    throw invalid(what, 'it is not an in-toto statement of version 1 or 0.1');
  }
  if (typeof predicateType !== 'string') throw invalid(what, 'its predicateType is not a text');
  if (!isObject(predicate)) throw invalid(what, 'its predicate is not an object');
  if (!Array.isArray(subject)) throw invalid(what, 'its subject is not a list');
  const subjects = subject.flatMap((one: unknown) => {
    const digest = isObject(one) && isObject(one['digest']) ? one['digest']['sha256'] : undefined;
    return typeof digest === 'string' ? [digest] : [];
  });
  return { predicateType, subjects, predicate };
}

/** Whether a statement says that it is about an image. @param manifest digest of the image's manifest */
export function isAbout({ subjects }: ReadStatement, manifest: Digest): boolean {
  return subjects.includes(hex(manifest));
}

function invalid(what: string, reason: string): JettisonError {
  return new JettisonError('ATTESTATION_INVALID', `${what} cannot be read: ${reason}`, {
    hint: 'The attestation was made wrong: ask those who built the image.',
  });
}
