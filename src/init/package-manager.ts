import { JettisonError } from '../errors/error.ts';
import type { PackageManifest } from './package-manifest.ts';
import { firstFile, hasFolder, type ProjectFiles } from './project-files.ts';

export type ManagerName = 'npm' | 'yarn1' | 'yarn' | 'pnpm' | 'bun';

/** How a package manager installs in an image. */
export interface PackageManager {
  name: ManagerName;
  /** Shown: `Yarn 1`. */
  title: string;
  /** Undefined without one. */
  lockFile: string | undefined;
  /** Files that an install reads beside the manifests. */
  files: string[];
  /** The line that adds the manager to a Node image; undefined for npm. */
  setUp: string | undefined;
  install: string;
  /** Without development dependencies; undefined if the manager cannot do that for this project. */
  installProduction: (workspace: string | undefined) => string | undefined;
  /** Before the name of a script. */
  run: (script: string, workspace: string | undefined) => string;
  /** Before a program of a package. */
  exec: string;
  /** Folder of downloads, for a cache mount. */
  cache: string;
  /** File with the settings of registries, as a secret. */
  secret: { id: string; target: string };
  /** Modules are read from archives: there is no node_modules. */
  isPlugAndPlay: boolean;
  env: Record<string, string>;
}

const LOCK_FILES: [ManagerName, string[]][] = [
  ['pnpm', ['pnpm-lock.yaml']],
  ['yarn', ['yarn.lock']],
  ['bun', ['bun.lock', 'bun.lockb']],
  ['npm', ['package-lock.json', 'npm-shrinkwrap.json']],
];
const NPMRC = { id: 'npmrc', target: '/root/.npmrc' };

/**
 * The package manager of a project: `packageManager`, else that of its lock file.
 *
 * @throws JettisonError `INIT_MANAGER` for lock files of several without `packageManager`
 */
export function packageManager(files: ProjectFiles, root: PackageManifest): PackageManager {
  const locks = LOCK_FILES.flatMap(([name, paths]) => {
    const path = firstFile(files, paths);
    return path === undefined ? [] : [{ name, path }];
  });
  const asked = root.packageManager;
  const named = LOCK_FILES.find(([name]) => name === asked?.name)?.[0];
  if (named === undefined && locks.length > 1) {
    throw new JettisonError(
      'INIT_MANAGER',
      `lock files of several package managers: ${locks.map(({ path }) => path).join(', ')}`,
      { hint: 'Delete all but one, or add "packageManager" to package.json.' },
    );
  }
  const name =
    named ??
    locks[0]?.name ??
    (files.has('pnpm-workspace.yaml') ? 'pnpm' : files.has('.yarnrc.yml') ? 'yarn' : 'npm');
  const lockFile = locks.find((lock) => lock.name === name)?.path;
  const version = asked?.name === name ? asked.version : undefined;
  const present = (...paths: string[]) => paths.filter((path) => files.has(path));
  switch (name) {
    case 'pnpm':
      return pnpm(files, lockFile, version, present);
    case 'bun':
      return bun(lockFile, version, present);
    case 'yarn':
      return isBerry(files, version)
        ? berry(files, lockFile, version, present)
        : yarn1(lockFile, version, present);
    default:
      return npm(lockFile, present);
  }
}

type Present = (...paths: string[]) => string[];

function npm(lockFile: string | undefined, present: Present): PackageManager {
  const install = lockFile === undefined ? 'npm install' : 'npm ci';
  return {
    name: 'npm',
    title: 'npm',
    lockFile,
    files: present('.npmrc'),
    setUp: undefined,
    install,
    installProduction: (workspace) =>
      `${install} --omit=dev${workspace === undefined ? '' : ` --workspace=${workspace} --include-workspace-root`}`,
    run: (script, workspace) =>
      `npm run ${script}${workspace === undefined ? '' : ` --workspace=${workspace}`}`,
    exec: 'npx --no-install',
    cache: '/root/.npm',
    secret: NPMRC,
    isPlugAndPlay: false,
    env: {},
  };
}

function yarn1(lockFile: string | undefined, version = '1.22.22', present: Present): PackageManager {
  const install = `yarn install --cache-folder /root/.cache/yarn${lockFile === undefined ? '' : ' --frozen-lockfile'}`;
  return {
    name: 'yarn1',
    title: 'Yarn 1',
    lockFile,
    files: present('.npmrc', '.yarnrc'),
    setUp: `npm install --global --force yarn@${version}`,
    install,
    installProduction: () => `${install} --production`,
    run: (script, workspace) =>
      `yarn ${workspace === undefined ? '' : `workspace ${workspace} `}run ${script}`,
    exec: 'yarn run --silent',
    cache: '/root/.cache/yarn',
    secret: NPMRC,
    isPlugAndPlay: false,
    env: {},
  };
}

/** Yarn 2 and later. */
function berry(
  files: ProjectFiles,
  lockFile: string | undefined,
  version: string | undefined,
  present: Present,
): PackageManager {
  const settings = files.text('.yarnrc.yml') ?? '';
  const release = /^yarnPath:\s*["']?([\w./-]+)/m.exec(settings)?.[1];
  const linker = /^nodeLinker:\s*["']?([\w-]+)/m.exec(settings)?.[1] ?? 'pnp';
  const major = Number.parseInt(version ?? /yarn-(\d+)/.exec(release ?? '')?.[1] ?? '4', 10);
  // Built in since 4.
  const focuses = major >= 4 || files.paths.some((path) => /^\.yarn\/plugins\/.*workspace-tools/.test(path));
  const isPlugAndPlay = linker === 'pnp';
  const immutable = lockFile === undefined ? '' : ' --immutable';
  const has = (folder: string) => hasFolder(files, folder);
  return {
    name: 'yarn',
    title: `Yarn ${major}${isPlugAndPlay ? " (Plug'n'Play)" : ''}`,
    lockFile,
    files: [
      ...present('.yarnrc.yml'),
      ...['.yarn/releases', '.yarn/plugins', '.yarn/patches'].filter(has),
      ...(isPlugAndPlay && has('.yarn/cache') ? ['.yarn/cache'] : []),
    ],
    setUp:
      release !== undefined && files.has(release)
        ? `printf '#!/bin/sh\\nexec node /app/${release} "$@"\\n' > /usr/local/bin/yarn && chmod 755 /usr/local/bin/yarn`
        : `npm install --global --force @yarnpkg/cli-dist@${version ?? '4'}`,
    install: `yarn install${immutable}`,
    installProduction: (workspace) =>
      focuses ? `yarn workspaces focus ${workspace ?? '--all'} --production` : undefined,
    run: (script, workspace) =>
      `yarn ${workspace === undefined ? '' : `workspace ${workspace} `}run ${script}`,
    exec: 'yarn run',
    cache: '/root/.yarn/berry/cache',
    secret: { id: 'yarnrc', target: '/root/.yarnrc.yml' },
    isPlugAndPlay,
    env: { YARN_ENABLE_TELEMETRY: '0', YARN_ENABLE_GLOBAL_CACHE: isPlugAndPlay ? 'false' : 'true' },
  };
}

function pnpm(
  files: ProjectFiles,
  lockFile: string | undefined,
  version: string | undefined,
  present: Present,
): PackageManager {
  const format = /^lockfileVersion:\s*['"]?(\d+)/m.exec(
    files.text('pnpm-lock.yaml')?.slice(0, 400) ?? '',
  )?.[1];
  const known = version ?? { '5': '7', '6': '8' }[format ?? ''] ?? '10';
  const install = `pnpm install${lockFile === undefined ? '' : ' --frozen-lockfile'} --store-dir=/root/.pnpm-store`;
  const deploys = Number.parseInt(known, 10) >= 10 ? 'deploy --legacy' : 'deploy';
  return {
    name: 'pnpm',
    title: `pnpm ${Number.parseInt(known, 10)}`,
    lockFile,
    files: present('.npmrc', 'pnpm-workspace.yaml', '.pnpmfile.cjs'),
    setUp: `npm install --global pnpm@${known}`,
    install,
    installProduction: (workspace) =>
      workspace === undefined
        ? `${install} --prod`
        : `pnpm --filter=${workspace} --prod ${deploys} --store-dir=/root/.pnpm-store /out`,
    run: (script, workspace) =>
      `pnpm ${workspace === undefined ? '' : `--filter=${workspace} `}run ${script}`,
    exec: 'pnpm exec',
    cache: '/root/.pnpm-store',
    secret: NPMRC,
    isPlugAndPlay: false,
    env: { CI: 'true' },
  };
}

function bun(lockFile: string | undefined, version = '1', present: Present): PackageManager {
  const install = `bun install${lockFile === undefined ? '' : ' --frozen-lockfile'}`;
  return {
    name: 'bun',
    title: 'Bun',
    lockFile,
    files: present('.npmrc', 'bunfig.toml'),
    setUp: `npm install --global bun@${version}`,
    install,
    installProduction: () => `${install} --production`,
    run: (script, workspace) => `bun run ${workspace === undefined ? '' : `--filter=${workspace} `}${script}`,
    exec: 'bun x --no-install',
    cache: '/root/.bun/install/cache',
    secret: NPMRC,
    isPlugAndPlay: false,
    env: {},
  };
}

function isBerry(files: ProjectFiles, version: string | undefined): boolean {
  if (version !== undefined) return Number.parseInt(version, 10) > 1;
  return files.has('.yarnrc.yml') || /^__metadata:/m.test(files.text('yarn.lock')?.slice(0, 1000) ?? '');
}
