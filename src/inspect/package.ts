/** What kind of thing the bytes of a path are: each path has one. */
export const KINDS = [
  'base',
  'os-package',
  'runtime',
  'npm',
  'npm-dev',
  'python',
  'go',
  'java',
  'rust',
  'application',
  'build-output',
  'tool',
  'cache',
  'docs',
  'unowned',
] as const;
export type Kind = (typeof KINDS)[number];

/** A package that owns paths of an image. */
export interface Package {
  /** Unique in the image: `deb:libc6`, `npm:lodash@4.17.21:/app/node_modules/lodash`. */
  id: string;
  /** The type of its package URL: `deb`, `apk`, `npm`, `pypi`, `golang`, `maven`, `cargo`, `generic`. */
  type: string;
  name: string;
  version: string;
  kind: Kind;
  /** Where it is: a path relative to the root; of what is spread over the system, of the file that names it. */
  path: string;
  /** Package URL. */
  purl?: string;
  /** Of distributions: the source package, to which their advisories refer. */
  source?: { name: string; version?: string };
  /** SPDX expression, as the package says. */
  license?: string;
  /** Only needed for development (npm). */
  dev?: true;
  /** The id of the package in whose files it is: of what is linked into a program. */
  partOf?: string;
  /** Ids of packages that it asks for. */
  requires?: string[];
  /** A file and line that asks for it itself: `/app/package.json`. */
  askedBy?: { path: string; line?: number };
}
