import type { Digest } from '../image/digest.ts';

/** What a step stands on, or reads files of. */
export type Ground =
  | { kind: 'scratch' }
  | { kind: 'image'; name: string; digest: Digest }
  /** The result of a step, and of all below it. */
  | { kind: 'step'; stage: string; definition: Digest }
  /** A build context; `name` is empty for the main one. */
  | { kind: 'context'; name: string }
  | { kind: 'remote'; name: string };

/** What an ignore file says. */
export interface IgnoreList {
  /** Its name, e.g. `.dockerignore`. */
  file: string;
  /** Its patterns in order, without comments. */
  patterns: readonly string[];
}

/** Files that a step selected: of a COPY, or of a mount of a RUN. */
export interface FilesRead {
  from: Ground;
  /** Of a mount: where it is. */
  target?: string;
  /** Digest of the selection, under which the list of its files is kept; absent when nobody had to list them. */
  selection?: Digest;
  /** Of a build context with an ignore file. */
  ignore?: IgnoreList;
}

/**
 * What a step read when it was solved: its instruction and observations, as in its keys, and what they came from. Kept
 * by definition, apart from the step's own record, so that it can be said later which fact differs. No secrets: values
 * of variables that look like some are masked (`masking.ts`).
 */
export interface StepFacts {
  definition: Digest;
  key?: Digest;
  /** The version of keys that it was made under. */
  keyVersion: number;
  stage: string;
  platform: string;
  kind: 'copy' | 'workdir' | 'run';
  /** The instruction in one line. */
  title: string;
  line: number;
  /** The instruction as the Dockerfile has it. */
  text: string;
  instruction: Readonly<Record<string, unknown>>;
  observations: Readonly<Record<string, unknown>>;
  /** Values of the variables that the instruction names; of a RUN, of its whole environment. */
  variables: Readonly<Record<string, string>>;
  /** Those of them that are build arguments. */
  args: readonly string[];
  /** The working directory at the instruction. */
  cwd: string;
  below: Ground;
  files: readonly FilesRead[];
  /** Digest of the content of its layer; absent until it has been made. */
  content?: Digest;
  /** The layer's id. */
  layer?: string;
  /** The layer has no entries. */
  empty?: boolean;
}
