import { JettisonError } from '../errors/error.ts';
import { healthRoute, listeningPort } from './health-route.ts';
import { type NativeModule, nativeModules } from './native-modules.ts';
import { type NodeVersion, nodeVersion } from './node-version.ts';
import { type PackageManager, packageManager } from './package-manager.ts';
import { type PackageManifest, readManifest } from './package-manifest.ts';
import { below, firstFile, type ProjectFiles } from './project-files.ts';
import { chosenWorkspace, dependenciesOf, findWorkspaces, type Workspace } from './workspaces.ts';

/** A Node project: the package to ship, and what it is installed with. */
export interface NodeProject {
  files: ProjectFiles;
  root: PackageManifest;
  /** Of the package to ship: `` is the root. */
  folder: string;
  manifest: PackageManifest;
  /** The workspace to ship; undefined in a repository of one package. */
  workspace: Workspace | undefined;
  workspaces: Workspace[];
  /** Workspaces that the one to ship needs, in the order in which they are built. */
  needed: Workspace[];
  manager: PackageManager;
  node: NodeVersion;
  /** By package name. */
  natives: [string, NativeModule][];
  isTypeScript: boolean;
  health: string | undefined;
  /** The port that the sources name. */
  port: number | undefined;
  /** Whether a path of the package exists. */
  has: (path: string) => boolean;
  /** The text of the first of some files of the package. */
  text: (...paths: string[]) => string;
  /** Whether the package, or a workspace that it needs, depends on another at run time. */
  uses: (name: string) => boolean;
  /** Whether it needs another for anything. */
  knows: (name: string) => boolean;
}

/**
 * Describes a Node project; undefined without a package.json.
 *
 * @param app the workspace to ship
 * @throws JettisonError `INIT_APP`, `INIT_FILE`, `INIT_MANAGER`
 */
export function describeNode(
  files: ProjectFiles,
  app: string | undefined,
  isService: (manifest: PackageManifest) => boolean,
): NodeProject | undefined {
  const root = readManifest(files, 'package.json');
  if (root === undefined) return undefined;
  const workspaces = findWorkspaces(files, root);
  if (workspaces.length === 0 && app !== undefined) {
    throw new JettisonError('INIT_APP', `there is no workspace "${app}": package.json names no workspaces`, {
      hint: 'Name the folder of the project instead: jettison init FOLDER.',
    });
  }
  const isRootApp = app === undefined && (workspaces.length === 0 || isOwnService(root));
  const workspace = isRootApp
    ? undefined
    : chosenWorkspace(workspaces, app, ({ manifest }) => isService(manifest));
  const manifest = workspace?.manifest ?? root;
  const folder = workspace?.folder ?? '';
  const needed = workspace === undefined ? [] : dependenciesOf(workspace, workspaces);
  const runtime = Object.assign({}, ...needed.map((one) => one.manifest.dependencies), manifest.dependencies);
  return {
    files,
    root,
    folder,
    manifest,
    workspace,
    workspaces,
    needed,
    manager: packageManager(files, root),
    node: nodeVersion(files, [manifest, root]),
    natives: nativeModules(runtime),
    isTypeScript: files.has(below(folder, 'tsconfig.json')) || 'typescript' in manifest.devDependencies,
    health: healthRoute(files, folder),
    port: listeningPort(files, folder),
    has: (path) => files.has(below(folder, path)),
    text: (...paths) => {
      const path = firstFile(
        files,
        paths.map((one) => below(folder, one)),
      );
      return path === undefined ? '' : (files.text(path) ?? '');
    },
    uses: (name) => name in runtime,
    knows: (name) => name in manifest.dependencies || name in manifest.devDependencies,
  };
}

/** A root package that is started itself, beside its workspaces: its start script does not lead into one. */
function isOwnService({ scripts }: PackageManifest): boolean {
  const start = scripts['start'] ?? '';
  return /^(node|bun|tsx)\s/.test(start) && !/\b(apps|packages|services)\//.test(start);
}

/** A config file of a framework: `next.config.{js,mjs,ts}` … */
export function configText({ text }: NodeProject, name: string): string {
  return withoutComments(
    text(...['ts', 'mts', 'js', 'mjs', 'cjs'].map((ending) => `${name}.config.${ending}`)),
  );
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '');
}
