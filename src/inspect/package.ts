/**
 * What kind of thing the bytes of a path are: each path has one. `name` is its heading in lists, `about` says
 * what is in it.
 */
export const KIND_WORDS = {
  base: { name: 'base image', about: "the base image's own files that no package owns" },
  'os-package': { name: 'OS packages', about: 'packages of the distribution' },
  runtime: { name: 'runtime', about: 'the language runtime: Node itself' },
  npm: { name: 'npm, production', about: 'npm packages that production needs' },
  'npm-dev': { name: 'npm, development', about: 'npm packages that only development needs' },
  python: { name: 'Python', about: 'Python packages' },
  go: { name: 'Go', about: 'Go programs' },
  java: { name: 'Java', about: 'Java archives and runtimes' },
  rust: { name: 'Rust', about: 'Rust programs' },
  application: { name: 'application', about: 'your own files' },
  'build-output': { name: 'build output', about: 'what a build of your own files made' },
  tool: { name: 'tools', about: 'package managers, compilers, shells and their like' },
  cache: { name: 'caches', about: 'caches, logs and temporary files' },
  docs: { name: 'docs, maps, tests', about: 'documentation, source maps and tests' },
  unowned: { name: 'unowned', about: 'no package or rule says what these are for' },
} as const;
export type Kind = keyof typeof KIND_WORDS;
export const KINDS = Object.keys(KIND_WORDS) as readonly Kind[];

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
  /** SHA-512 of the archive that it was installed from, as a lock file says (npm): 128 hexadecimal digits. */
  sha512?: string;
  /** Only needed for development (npm). */
  dev?: true;
  /** The id of the package whose files contain it, e.g. of the program that a library is linked into. */
  partOf?: string;
  /** Ids of packages that it depends on. */
  requires?: string[];
  /** A file and line that require it directly: `/app/package.json`. */
  askedBy?: { path: string; line?: number };
}

/** The id of a package without its architecture, which `requires` leaves out: `deb:libc6` for `deb:libc6:i386`. */
export function bareId(id: string): string {
  return id.replace(/^(deb:[^:]+):.*$/, '$1');
}
