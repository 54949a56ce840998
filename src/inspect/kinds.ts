import type { Census } from './census.ts';
import type { Leaf } from './leaf.ts';
import type { Kind } from './package.ts';

/** Names of distributions' packages that no application needs to run; a `*` at the end matches anything. */
const TOOLS = new RegExp(
  `^(${[
    ...[
      'bash',
      'dash',
      'zsh',
      'busybox*',
      'apt',
      'apt-*',
      'libapt-pkg*',
      'dpkg',
      'dpkg-*',
      'apk-tools',
      'libapk*',
    ],
    ...[
      'gcc*',
      'g\\+\\+*',
      'cpp*',
      'clang*',
      'llvm*',
      'binutils*',
      'make',
      'cmake*',
      'automake',
      'autoconf',
      'libtool*',
    ],
    ...[
      'git',
      'git-*',
      'mercurial*',
      'subversion',
      'openssh-client*',
      'curl',
      'wget',
      'gnupg*',
      'gpg*',
      'patch',
      'pkgconf*',
    ],
    ...[
      'perl',
      'perl-modules*',
      'build-base',
      'build-essential',
      'musl-dev',
      'libc6-dev',
      'linux-libc-dev',
      'libc-dev*',
    ],
    ...['vim*', 'nano', 'less', 'python3-pip', 'py3-pip'],
  ]
    .map((name) => name.replaceAll('*', '.*'))
    .join('|')})$`,
);

/** Names of distributions' packages that run applications. */
const RUNTIMES =
  /^(nodejs|libnode\d*|python3(\.\d+)?(-minimal|-stdlib)?|libpython3.*|openjdk-.*|openjre.*|ruby(\d.*)?|php\d*(-.*)?)$/;

const CACHE = [
  /^(var\/cache|var\/lib\/apt\/lists|var\/log|tmp|var\/tmp|usr\/local\/share\/\.cache|usr\/local\/cargo\/registry)\//,
  /^(?:root|home\/[^/]+)\/\.(?:npm|cache|yarn|gradle|m2|cargo\/registry|pnpm-store|local\/share\/pnpm\/store|bun\/install\/cache)\//,
  /(?:^|\/)(?:\.eslintcache|\.npm\/_cacache\/|node_modules\/\.(?:cache|vite)\/|\.next\/cache\/|\.pnpm-store\/|\.turbo\/)/,
];
const SYSTEM_DOCS = /^usr\/(?:local\/)?share\/(?:doc|man|info|locale|gtk-doc)\//;
const DOC_FILE =
  /(?:\.(?:map|md|markdown)|(?:^|\/)(?:readme|changelog|changes|history|authors|contributing)(?:\.(?:txt|rst))?)$/i;
/** Names of folders directly in a package's: deeper ones may be code (`yaml/dist/doc/`). */
const DOC_FOLDER = /^(?:__tests__|tests?|docs?|examples?|coverage|\.github)\//i;
const PYTHON_TESTS = /\/tests?\//;
const COMPILED = /^(.*\/)?__pycache__\/([^/]+?)\.[a-z]+-\d+[^/]*\.pyc$/;
const DATABASE = /^(?:var\/lib\/dpkg\/status(?:\.d\/[^/]+)?|(?:usr\/)?lib\/apk\/db\/installed)$/;
/** What loads the C library: a layer that brings it has libraries of a distribution, with or without its database. */
const LOADER = /^(?:usr\/)?lib[^/]*\/(?:[^/]+\/)?ld-(?:linux|musl)[^/]*\.so\.\d+$/;
/** Where only distributions' packages and what they run when they are installed put files. */
const SYSTEM = /^(?:etc|usr\/(?!local\/)[^/]+|lib[^/]*|s?bin|boot|var\/(?:lib|spool|mail))\//;
const BUILT = /(?:^|\/)(?:dist|build|out|\.next|\.output|target|public\/build)\//;

/**
 * Sets the kind of every path that has none yet. Documentation and caches get theirs whatever package owns them.
 *
 * @param facts.baseLayers how many layers are the base image's
 * @param facts.workingDirectory of the config, relative to the root
 * @param facts.destinations where each layer's COPY or ADD puts files, relative to the root
 */
export function settleKinds(
  census: Census,
  facts: {
    baseLayers: number;
    workingDirectory: string | undefined;
    destinations: readonly (string | undefined)[];
  },
): void {
  const applications = [...census.packages.values()]
    .filter(({ kind }) => kind === 'application')
    .map(({ path }) => path);
  const { workingDirectory } = facts;
  if (workingDirectory !== undefined && workingDirectory !== '') applications.push(workingDirectory);
  const installed = new Set(
    census.changes.flatMap((changes, at) =>
      changes.has((path) => DATABASE.test(path) || LOADER.test(path)) ? [at] : [],
    ),
  );
  for (const leaf of census.leaves.values()) {
    const source = leaf.kind === undefined ? sourceOf(census, leaf) : undefined;
    // Files that packages' scripts make (caches of libraries and certificates, accounts) are in no list.
    if (leaf.kind === undefined && installed.has(leaf.layer) && SYSTEM.test(leaf.path))
      leaf.kind = 'os-package';
    const destination = leaf.layer < facts.baseLayers ? undefined : facts.destinations[leaf.layer];
    const home = homeOf(leaf, applications, destination);
    leaf.kind = kindOf(source?.kind === undefined ? leaf : source, facts.baseLayers, home);
  }
}

/** The source of a file that Python compiled: both have the same kind. */
function sourceOf(census: Census, { path }: Leaf): Leaf | undefined {
  const [, folder = '', name] = path.endsWith('.pyc') ? (COMPILED.exec(path) ?? []) : [];
  return name === undefined ? undefined : census.leaf(`${folder}${name}.py`);
}

/** The folder of the application that a path is in, e.g. the destination of a COPY outside the system's folders. */
function homeOf(
  { path }: Leaf,
  applications: readonly string[],
  destination: string | undefined,
): string | undefined {
  const home = applications.find((folder) => isIn(path, folder));
  if (home !== undefined || destination === undefined || SYSTEM.test(path)) return home;
  return path === destination || isIn(path, destination) ? destination : undefined;
}

/** @param home the folder of the application that it is in */
function kindOf(leaf: Leaf, baseLayers: number, home: string | undefined): Kind {
  const { path, kind, owner } = leaf;
  // Yarn's archives run from its cache.
  if (CACHE.some((pattern) => pattern.test(path)) && !(owner !== undefined && path.endsWith('.zip')))
    return 'cache';
  if (kind === 'os-package') {
    if (SYSTEM_DOCS.test(path)) return 'docs';
    if (owner === undefined) return kind;
    return TOOLS.test(owner.name) ? 'tool' : RUNTIMES.test(owner.name) ? 'runtime' : kind;
  }
  if (kind === 'tool' || kind === 'runtime' || kind === 'npm-dev') return kind;
  if (kind !== undefined) {
    const isDoc =
      kind === 'python' ? DOC_FILE.test(path) || PYTHON_TESTS.test(path) : isDocIn(path, owner?.path ?? '');
    return isDoc ? 'docs' : kind;
  }
  if (SYSTEM_DOCS.test(path)) return 'docs';
  if (home !== undefined) {
    if (isDocIn(path, home)) return 'docs';
    return BUILT.test(path.slice(home === '' ? 0 : home.length + 1)) ? 'build-output' : 'application';
  }
  return leaf.layer < baseLayers ? 'base' : 'unowned';
}

function isIn(path: string, folder: string): boolean {
  return folder === '' || path.startsWith(`${folder}/`);
}

function isDocIn(path: string, folder: string): boolean {
  if (DOC_FILE.test(path)) return true;
  return isIn(path, folder) && DOC_FOLDER.test(path.slice(folder === '' ? 0 : folder.length + 1));
}
