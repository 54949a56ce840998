import type { Surroundings } from './surroundings.ts';

/** Worst first. */
export const SECRET_SEVERITIES = ['critical', 'high', 'medium', 'low'] as const;
/**
 * `critical`: opens an account or a machine by itself. `high`: opens a part of one, or needs an address that is mostly
 * known. `medium`: probably a secret, by its name and look. `low`: of no use by itself, or for tests.
 */
export type SecretSeverity = (typeof SECRET_SEVERITIES)[number];

/** A value that the pattern of a kind has matched. */
export interface Candidate {
  readonly secret: string;
  readonly groups: Readonly<Record<string, string | undefined>>;
  /** The name that the value is assigned to, where the kind looks at names: from its beginning to the assignment. */
  readonly name: string;
  readonly surroundings: Surroundings;
}

/** One kind of secret: one row of the table. */
export interface SecretKind {
  /** Stable: ignore files and reports name it. */
  readonly id: string;
  /** For people, without an article: `GitHub token`. */
  readonly title: string;
  readonly severity: SecretSeverity;
  /** Every secret of the kind contains one of these, case and all: at least 4 bytes of ASCII. */
  readonly anchors: readonly string[];
  /**
   * Sticky: matches from an anchor on. Its group `secret` is the value; without one, all of it. Must be linear. Asked for
   * where an anchor is found: most kinds never are.
   */
  readonly pattern: () => RegExp;
  /** The anchor is in the middle of a name or token: no boundary is needed before it. */
  readonly inside?: true;
  /** Bytes from the anchor on that the pattern needs to see; default: 512. */
  readonly reach?: number;
  /** Only in text: programs contain such strings by chance. */
  readonly textOnly?: true;
  /**
   * Whether the value is one, by a checksum that the form has; undefined where a value of that length has none. A value
   * with a wrong checksum is made up, or a part of something else.
   */
  readonly checksum?: (secret: string) => boolean | undefined;
  /** Whether the value is one, by everything else. */
  readonly accepts?: (candidate: Candidate) => boolean;
}

/** Files that hold secrets in a form of their own: one row of the table. */
export interface FileKind extends Pick<SecretKind, 'id' | 'title' | 'severity'> {
  /** The path of the file, relative to the root. */
  readonly files: RegExp;
  /** Global. Its group `secret` is the value. Must be linear. */
  readonly pattern: RegExp;
  /** The secret in an encoded value; undefined where there is none. */
  readonly decode?: (value: string) => string | undefined;
}

/** A pattern that is made when it is first asked for. */
export function lazyPattern(source: () => string): () => RegExp {
  let pattern: RegExp | undefined;
  return () => {
    pattern ??= new RegExp(source(), 'y');
    return pattern;
  };
}

/** `a GitHub token`, `an npm token`. */
export function withArticle(title: string): string {
  return `${/^(?:[AEIOaeio]|npm\b|SSH\b|HMAC\b)/.test(title) ? 'an' : 'a'} ${title}`;
}
