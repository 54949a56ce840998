import { parse } from 'yaml';
import { compilePattern } from '../context/pattern.ts';
import { EXIT, JettisonError } from '../errors/error.ts';
import { membersOf, textsOf } from '../fields/json-values.ts';
import { type PackageManifest, readManifest } from './package-manifest.ts';
import type { ProjectFiles } from './project-files.ts';

/** One package of a repository with several. */
export interface Workspace {
  /** Relative to the root, without a trailing slash. */
  folder: string;
  name: string;
  manifest: PackageManifest;
}

/** The packages that `workspaces` or pnpm-workspace.yaml names, sorted by folder. */
export function findWorkspaces(files: ProjectFiles, root: PackageManifest): Workspace[] {
  const patterns = [...root.workspaces, ...pnpmPatterns(files)].map((pattern) =>
    pattern.replace(/^\.\//, '').replace(/\/+$/, ''),
  );
  if (patterns.length === 0) return [];
  const tests = (isNegated: boolean) =>
    patterns
      .filter((pattern) => pattern.startsWith('!') === isNegated)
      .map((pattern) => compilePattern(pattern.replace(/^!/, '')).matches);
  const [wanted, unwanted] = [tests(false), tests(true)];
  return files.paths
    .filter((path) => path.endsWith('/package.json'))
    .map((path) => path.slice(0, -'/package.json'.length))
    .filter((folder) => wanted.some((test) => test(folder)) && !unwanted.some((test) => test(folder)))
    .map((folder) => {
      const manifest = readManifest(files, `${folder}/package.json`)!;
      return { folder, name: manifest.name ?? folder, manifest };
    });
}

function pnpmPatterns(files: ProjectFiles): string[] {
  const text = files.text('pnpm-workspace.yaml');
  if (text === undefined) return [];
  let value: unknown;
  try {
    value = parse(text, { maxAliasCount: 0 });
  } catch (error) {
    throw new JettisonError('INIT_FILE', `pnpm-workspace.yaml is not YAML: ${(error as Error).message}`);
  }
  return textsOf(membersOf(value)['packages']);
}

/**
 * The workspace to ship.
 *
 * @param app its name, the name without the scope, or its folder
 * @throws JettisonError `INIT_APP` if there is no such one, or none is named and several could be meant
 */
export function chosenWorkspace(
  workspaces: readonly Workspace[],
  app: string | undefined,
  isService: (workspace: Workspace) => boolean,
): Workspace {
  const names = (all: readonly Workspace[]) =>
    all.map(({ name, folder }) => `${name} (${folder})`).join(', ');
  if (app !== undefined) {
    const wanted = app.replace(/^\.\//, '').replace(/\/+$/, '');
    const found = workspaces.filter(
      ({ name, folder }) => name === wanted || folder === wanted || name.split('/').at(-1) === wanted,
    );
    if (found.length === 1) return found[0]!;
    throw new JettisonError(
      'INIT_APP',
      `${found.length === 0 ? 'unknown' : 'ambiguous'} workspace "${app}"`,
      {
        exitCode: EXIT.usage,
        hint: `There is ${names(workspaces)}.`,
      },
    );
  }
  const services = workspaces.filter(isService);
  if (services.length === 1) return services[0]!;
  throw new JettisonError(
    'INIT_APP',
    services.length === 0
      ? 'no workspace has a start script or a framework that init knows'
      : 'several workspaces could be shipped',
    {
      exitCode: EXIT.usage,
      hint: `Choose one with --app: ${names(services.length === 0 ? workspaces : services)}.`,
    },
  );
}

/** The workspaces that one depends on, directly or not: each after those that it depends on itself. */
export function dependenciesOf(workspace: Workspace, all: readonly Workspace[]): Workspace[] {
  const byName = new Map(all.map((one) => [one.name, one]));
  const found = new Set<Workspace>();
  const seen = new Set<Workspace>([workspace]);
  const visit = ({ manifest }: Workspace) => {
    for (const name of Object.keys({ ...manifest.dependencies, ...manifest.devDependencies }).sort()) {
      const dependency = byName.get(name);
      if (dependency === undefined || seen.has(dependency)) continue;
      seen.add(dependency);
      visit(dependency);
      found.add(dependency);
    }
  };
  visit(workspace);
  return [...found];
}
