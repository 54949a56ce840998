import { copyText, runText } from './dockerfile-text.ts';
import { type BaseFamily, type Step, step } from './image-recipe.ts';
import type { NodeProject } from './node-project.ts';
import type { PackageManifest } from './package-manifest.ts';
import { below, hasFolder } from './project-files.ts';
import type { Workspace } from './workspaces.ts';

/** Scripts that an install runs. */
const LIFECYCLE = ['preinstall', 'install', 'postinstall', 'prepublish', 'prepare'];
/** Folders that an install reads where they exist: patches of packages, and the schema that Prisma's client is made of. */
const READ_BY_INSTALL = ['patches', 'prisma'];

/** The instructions that copy what an install reads, and nothing that changes more often. */
export function manifestSteps(project: NodeProject): Step[] {
  const { files, manager, workspaces } = project;
  const top = [
    'package.json',
    ...(manager.lockFile === undefined ? [] : [manager.lockFile]),
    ...manager.files.filter((path) => files.has(path)),
  ];
  const folders = [
    ...manager.files.filter((path) => !files.has(path)),
    ...READ_BY_INSTALL.map((name) => below(project.folder, name)).filter((name) => hasFolder(files, name)),
    ...READ_BY_INSTALL.filter((name) => project.folder !== '' && hasFolder(files, name)),
  ];
  return [
    step(copyText(top, './'), 'Only what the installation reads: an edit of a source does not repeat it.'),
    ...folders.map((path) => step(copyText([path], `./${path}`))),
    ...workspaces.map(({ folder }) => step(copyText([`${folder}/package.json`], `./${folder}/`))),
    ...scriptFiles(project).map((path) => step(copyText([path], `./${path}`), 'An install script runs it.')),
  ];
}

/** The instruction that installs. @param command as the manager writes it */
export function installStep(project: NodeProject, command: string, after: string[] = []): Step {
  const { manager } = project;
  const mounts = [secretMount(project), `type=cache,target=${manager.cache},sharing=locked`];
  const variables = { ...manager.env, ...nativeEnv(project) };
  const env = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
  const line = [...removedScripts(project), [...env, command].join(' '), ...after].join(' && \\\n    ');
  return step(
    runText(mounts, line),
    manager.lockFile === undefined
      ? 'Without a lock file every build may install other versions: commit one.'
      : 'What the lock file says. Downloads stay in a cache mount, which is in no layer.',
  );
}

/** The mount with the settings of private registries. It is optional: builds without the secret use the defaults. */
export function secretMount({ manager }: Pick<NodeProject, 'manager'>): string {
  return `type=secret,id=${manager.secret.id},target=${manager.secret.target}`;
}

/** The instruction that adds packages of the distribution; undefined where none are needed. */
export function systemStep(
  project: Pick<NodeProject, 'natives'>,
  family: BaseFamily,
  stage: 'runtime' | 'compile',
): Step | undefined {
  const kind = family === 'alpine' ? 'apk' : 'apt';
  const wanted = project.natives.flatMap(([name, module]) => {
    const names = module[stage]?.[kind];
    return names === undefined ? [] : [{ name, names: names.split(' ') }];
  });
  // Distroless has OpenSSL; an image of this machine's files has no package manager.
  if (wanted.length === 0 || family === 'host' || (family === 'distroless' && stage === 'runtime'))
    return undefined;
  const names = [...new Set(wanted.flatMap((one) => one.names))].sort().join(' ');
  const why = `For ${wanted.map(({ name }) => name).join(', ')}.`;
  return kind === 'apk'
    ? step(`RUN apk add --no-cache ${names}`, why)
    : step(
        `RUN apt-get update && \\\n    apt-get install --yes --no-install-recommends ${names} && \\\n    rm -rf /var/lib/apt/lists/*`,
        why,
      );
}

/** Variables that native modules read. */
export function nativeEnv({ natives }: Pick<NodeProject, 'natives'>): Record<string, string> {
  return Object.assign({}, ...natives.map(([, { env }]) => env));
}

/** Commands that drop install scripts which need more than the manifests: sources, or development tools. */
function removedScripts(project: NodeProject): string[] {
  return packagesOf(project).flatMap(({ folder, manifest }) => {
    const names = LIFECYCLE.filter((name) => {
      const script = manifest.scripts[name];
      return script !== undefined && !isKept(project, manifest, folder, script);
    });
    if (names.length === 0) return [];
    const command = `npm pkg delete ${names.map((name) => `scripts.${name}`).join(' ')}`;
    return [folder === '' ? command : `(cd ${folder} && ${command})`];
  });
}

function isKept(
  project: NodeProject,
  { dependencies }: PackageManifest,
  folder: string,
  script: string,
): boolean {
  const [program = '', file = ''] = script.trim().split(/\s+/);
  if (/[;&|<>$`(]/.test(script)) return false;
  if (program === 'patch-package') return 'patch-package' in dependencies;
  return program === 'node' && project.files.has(below(folder, file.replace(/^\.\//, '')));
}

/** All packages of a repository: the root, then the workspaces. */
function packagesOf({ root, workspaces }: NodeProject): Pick<Workspace, 'folder' | 'manifest'>[] {
  return [{ folder: '', manifest: root }, ...workspaces];
}

/** Files that kept install scripts run. */
function scriptFiles(project: NodeProject): string[] {
  return packagesOf(project).flatMap(({ folder, manifest }) =>
    LIFECYCLE.flatMap((name) => {
      const script = manifest.scripts[name];
      if (script === undefined || !isKept(project, manifest, folder, script)) return [];
      const [program, file = ''] = script.trim().split(/\s+/);
      return program === 'node' ? [below(folder, file.replace(/^\.\//, ''))] : [];
    }),
  );
}
