import { type Digest, hex } from '../image/digest.ts';
import type { Platform } from '../image/types.ts';
import { imagePurl } from './purl.ts';

export const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1';

/** Types of the statements that Jettison makes itself. */
export const PREDICATE = {
  sbom: 'https://spdx.dev/Document',
  provenance: 'https://slsa.dev/provenance/v1',
} as const;

/**
 * An in-toto statement: a predicate about one or more subjects, which are known by their digests.
 *
 * Specification: https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md
 */
export interface Statement {
  _type: typeof STATEMENT_TYPE;
  predicateType: string;
  subject: Subject[];
  predicate: object;
}

export interface Subject {
  name: string;
  digest: { sha256: string };
}

/** @param predicateType a URI */
export function statementOf(predicateType: string, predicate: object, subject: Subject[]): Statement {
  return { _type: STATEMENT_TYPE, predicateType, subject, predicate };
}

/**
 * An image as the subject of a statement, once for each name; `_` stands for one without a name, as in BuildKit.
 *
 * @param names canonical
 * @param manifest digest of the image's manifest
 */
export function imageSubjects(names: readonly string[], platform: Platform, manifest: Digest): Subject[] {
  const subjects = names.length === 0 ? ['_'] : names.map((name) => imagePurl(name, platform));
  return subjects.map((name) => ({ name, digest: { sha256: hex(manifest) } }));
}
