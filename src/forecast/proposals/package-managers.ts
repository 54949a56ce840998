/** A program that installs packages by what a few files list. */
export interface PackageManager {
  name: string;
  /** Whether a command does nothing but install what the files list. */
  installs(command: string): boolean;
  /** Files that it reads; those that are there are copied. */
  manifests(command: string): string[];
  /** Those without which it does nothing. */
  required(command: string): string[];
  /** Whether the files list something of the sources themselves: then these have to be there. */
  readsSources(read: (path: string) => string | undefined, command: string): boolean;
  /** Where it keeps what it fetched, for root. */
  cache: string;
}

const FLAGS = '(?: --?[\\w=./:@-]+)*';

function node(name: string, verbs: string, lock: string[], cache: string, bare = false): PackageManager {
  const command = new RegExp(`^${name}${bare ? `(?: (?:${verbs}))?` : ` (?:${verbs})`}${FLAGS}$`);
  return {
    name,
    installs: (text) => command.test(text) && !/(^| )(-g|--global|--prefix|-C|--cwd|--dir)( |=|$)/.test(text),
    manifests: () => ['package.json', ...lock],
    required: () => ['package.json'],
    readsSources: (read) => readsSources(read('package.json')),
    cache,
  };
}

/** Scripts that run on installing may read anything; workspaces and local packages are sources themselves. */
function readsSources(text: string | undefined): boolean {
  try {
    const { scripts = {}, workspaces, ...rest } = JSON.parse(text ?? '') as Record<string, unknown>;
    const lists = ['dependencies', 'devDependencies', 'optionalDependencies', 'overrides', 'resolutions'];
    const specifiers = JSON.stringify(lists.map((list) => rest[list] ?? {}));
    const hooks = [
      'preinstall',
      'install',
      'postinstall',
      'preprepare',
      'prepare',
      'postprepare',
      'prepublish',
    ];
    return (
      workspaces !== undefined ||
      rest['patchedDependencies'] !== undefined ||
      rest['pnpm'] !== undefined ||
      /"(file|link|portal|patch|workspace):|":"\.{0,2}\//.test(specifiers) ||
      hooks.some((hook) => Object.hasOwn(scripts as object, hook))
    );
  } catch {
    return true;
  }
}

const REQUIREMENTS = /^(?:python3? -m )?pip3? install(?: --[\w=./:-]+)* -r ([\w./-]+)(?: --[\w=./:-]+)*$/;

export const PACKAGE_MANAGERS: readonly PackageManager[] = [
  node(
    'npm',
    'ci|install|i|clean-install',
    ['package-lock.json', 'npm-shrinkwrap.json', '.npmrc'],
    '/root/.npm',
  ),
  node('yarn', 'install', ['yarn.lock', '.yarnrc', '.npmrc'], '/usr/local/share/.cache/yarn', true),
  node('pnpm', 'install|i|ci', ['pnpm-lock.yaml', '.npmrc'], '/root/.local/share/pnpm/store'),
  {
    name: 'pip',
    installs: (text) => REQUIREMENTS.test(text) && !text.includes('--no-cache-dir'),
    manifests: (text) => [REQUIREMENTS.exec(text)![1]!],
    required: (text) => [REQUIREMENTS.exec(text)![1]!],
    readsSources: (read, text) =>
      /^\s*(-|\.|\/|file:)|@ *file:/m.test(read(REQUIREMENTS.exec(text)![1]!) ?? '-'),
    cache: '/root/.cache/pip',
  },
  {
    name: 'go',
    installs: (text) => text === 'go mod download',
    manifests: () => ['go.mod', 'go.sum'],
    required: () => ['go.mod'],
    readsSources: (read) => /=>\s*\.{0,2}\//.test(read('go.mod') ?? '=> ./'),
    cache: '/go/pkg/mod',
  },
];
