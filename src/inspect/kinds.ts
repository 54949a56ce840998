import type { Census, Leaf } from './census.ts';
import type { Kind } from './package.ts';

/** Names of distributions' packages that nobody needs to run an application: an ending `*` stands for anything. */
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

const CACHE =
  /^(var\/cache\/|var\/lib\/apt\/lists\/|var\/log\/|tmp\/|var\/tmp\/|(?:root|home\/[^/]+)\/\.(?:npm|cache|yarn|gradle|m2|cargo\/registry)\/|usr\/local\/share\/\.cache\/|usr\/local\/cargo\/registry\/)/;
const SYSTEM_DOCS = /^usr\/(?:local\/)?share\/(?:doc|man|info|locale|gtk-doc)\//;
const DOCS =
  /(?:\.(?:map|md|markdown)|(?:^|\/)(?:readme|changelog|changes|history|authors|contributing)(?:\.[a-z]+)?)$|\/(?:__tests__|tests?|docs?|examples?|coverage)\//i;
const BUILT = /(?:^|\/)(?:dist|build|out|\.next|\.output|target|public\/build)\//;

/**
 * Gives every path a kind that has none yet, and those that are documentation or caches theirs, whoever owns them: an
 * owner says whose it is, the kind what it is good for.
 *
 * @param facts.baseLayers how many layers are the base image's
 * @param facts.workingDirectory of the config, relative to the root
 */
export function settleKinds(
  census: Census,
  facts: { baseLayers: number; workingDirectory: string | undefined },
): void {
  const applications = [...census.packages.values()]
    .filter(({ kind }) => kind === 'application')
    .map(({ path }) => path);
  const { workingDirectory } = facts;
  if (workingDirectory !== undefined && workingDirectory !== '') applications.push(workingDirectory);
  for (const leaf of census.leaves.values()) leaf.kind = kindOf(leaf, facts.baseLayers, applications);
}

function kindOf(leaf: Leaf, baseLayers: number, applications: readonly string[]): Kind {
  const { path, kind, owner } = leaf;
  if (CACHE.test(path)) return 'cache';
  if (kind === 'os-package') {
    if (SYSTEM_DOCS.test(path)) return 'docs';
    return owner !== undefined && TOOLS.test(owner.name) ? 'tool' : kind;
  }
  if (kind === 'tool' || kind === 'runtime') return kind;
  const home = applications.find((folder) => path.startsWith(folder === '' ? '' : `${folder}/`));
  if (kind !== undefined) return DOCS.test(path) && kind !== 'npm-dev' ? 'docs' : kind;
  if (SYSTEM_DOCS.test(path)) return 'docs';
  if (home !== undefined) {
    const inside = path.slice(home === '' ? 0 : home.length + 1);
    if (DOCS.test(inside)) return 'docs';
    return BUILT.test(inside) ? 'build-output' : 'application';
  }
  return leaf.layer < baseLayers ? 'base' : 'unowned';
}
