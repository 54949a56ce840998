import { execForm } from '../../dockerfile/json-form.ts';
import { copyText, runText } from '../dockerfile-text.ts';
import type { ServerService, Service, StaticService } from '../frameworks/framework.ts';
import { frameworkOf, isService } from '../frameworks/frameworks.ts';
import { type Recipe, type RecipeOptions, type Stage, type Step, step } from '../image-recipe.ts';
import { type NodeBase, nodeBase } from '../node-base.ts';
import { installStep, manifestSteps, nativeEnv, secretMount, systemStep } from '../node-install.ts';
import { describeNode, type NodeProject } from '../node-project.ts';
import { below, type ProjectFiles } from '../project-files.ts';
import { nodeHealthcheck, staticStage } from '../static-server.ts';

/**
 * The recipe of a Node project; undefined without a package.json.
 *
 * @throws JettisonError `INIT_…` for what init cannot write a Dockerfile for
 */
export function nodeRecipe(files: ProjectFiles, options: RecipeOptions): Recipe | undefined {
  const project = describeNode(files, options.app, isService);
  if (project === undefined) return undefined;
  const framework = frameworkOf(project.manifest);
  const service = framework.service(project);
  const base = nodeBase(project, options);
  const { manager, workspace } = project;
  const recipe =
    service.kind === 'static'
      ? staticRecipe(project, service, base, options)
      : serverRecipe(project, service, base);
  const where = workspace === undefined ? '' : `${workspace.name} in ${workspace.folder}: `;
  const variant = service.variant === undefined ? '' : ` (${service.variant})`;
  const node = base.family === 'host' ? options.hostNode : project.node.version;
  const languages = project.isTypeScript ? ', TypeScript' : '';
  return {
    ...recipe,
    description: `${where}${framework.title}${variant}${languages}, ${manager.title}, Node ${node}`,
    args: base.args,
    hostBases: base.hostBases,
    ignored: ignored(project, service),
    notes: [...notes(project, service), ...base.notes],
  };
}

type Parts = Pick<Recipe, 'stages' | 'port' | 'health'>;

function staticRecipe(
  project: NodeProject,
  service: StaticService,
  base: NodeBase,
  options: RecipeOptions,
): Parts {
  const folder = `/app/${below(project.folder, service.output)}`;
  const files = { from: 'build', folder, isSinglePage: service.isSinglePage };
  const { stage, port, health } = staticStage(files, base.family, options, {
    image: base.runtime,
    program: base.program,
    user: base.user,
  });
  return { stages: [baseStage(project, base), buildStage(project, base, service.env), stage], port, health };
}

function serverRecipe(project: NodeProject, service: ServerService, base: NodeBase): Parts {
  const { health } = project;
  const { port, isBuilt, modules } = service;
  const needsBuild = isBuilt || modules === 'all' || deploys(project, service) || !hasProduction(project);
  const hasDeps =
    modules === 'production' && !deploys(project, service) && installs(project) && hasProduction(project);
  const stages = [
    baseStage(project, base),
    ...(hasDeps ? [depsStage(project, base)] : []),
    ...(needsBuild && (isBuilt || installs(project))
      ? [buildStage(project, base, service.buildEnv, service)]
      : []),
    productionStage(project, service, base, hasDeps),
  ];
  return {
    stages,
    ...(port === undefined ? {} : { port }),
    ...(health === undefined || port === undefined ? {} : { health }),
  };
}

/** Whether anything is installed at run time. */
function installs({ manifest, workspaces, natives }: NodeProject): boolean {
  return Object.keys(manifest.dependencies).length > 0 || workspaces.length > 0 || natives.length > 0;
}

/** Whether the manager can install without development dependencies. */
function hasProduction({ manager, workspace }: NodeProject): boolean {
  return manager.installProduction(workspace?.name) !== undefined;
}

/** pnpm copies a workspace with its modules to a folder of its own, after the build. */
function deploys({ manager, workspace }: NodeProject, { modules }: ServerService): boolean {
  return manager.name === 'pnpm' && workspace !== undefined && modules === 'production';
}

function baseStage(project: NodeProject, base: NodeBase): Stage {
  const { manager } = project;
  const setUp = manager.setUp;
  return {
    comment: base.why,
    from: base.build,
    name: 'base',
    steps: [
      step('WORKDIR /app'),
      ...(setUp === undefined
        ? []
        : [
            step(
              setUp.startsWith('npm ')
                ? runText(
                    [
                      'type=secret,id=npmrc,target=/root/.npmrc',
                      'type=cache,target=/root/.npm,sharing=locked',
                    ],
                    setUp,
                  )
                : `RUN ${setUp}`,
              `The package manager of the project: ${manager.title}.`,
            ),
          ]),
    ],
  };
}

function depsStage(project: NodeProject, base: NodeBase): Stage {
  const { manager, workspace } = project;
  const compile = systemStep(project, base.family, 'compile');
  // Everything of this folder is copied: settings may have tokens.
  const after = workspace === undefined ? [] : ['rm -f .npmrc .yarnrc.yml'];
  return {
    comment: 'what runs needs, without the tools that build it',
    from: 'base',
    name: 'deps',
    steps: [
      ...(compile === undefined ? [] : [compile]),
      ...manifestSteps(project),
      secretComment(project, installStep(project, manager.installProduction(workspace?.name)!, after)),
    ],
  };
}

function secretComment({ manager }: NodeProject, install: Step): Step {
  const { id } = manager.secret;
  const source = id === 'npmrc' ? '$HOME/.npmrc' : '$HOME/.yarnrc.yml';
  return { ...install, comment: `${install.comment} Private registry: --secret id=${id},src=${source}` };
}

function buildStage(
  project: NodeProject,
  base: NodeBase,
  env: Record<string, string> = {},
  service?: ServerService,
): Stage {
  const { manager, workspace } = project;
  const compile = systemStep(project, base.family, 'compile');
  const variables = { ...manager.env, ...env, ...nativeEnv(project) };
  const isBuilt = service === undefined || service.isBuilt;
  return {
    comment: 'development dependencies, and the build',
    from: 'base',
    name: 'build',
    steps: [
      ...(compile === undefined ? [] : [compile]),
      ...(Object.keys(variables).length === 0 ? [] : [envStep(variables)]),
      ...manifestSteps(project),
      secretComment(project, installStep(project, manager.install)),
      step('COPY . .', 'After the installation: sources change more often.'),
      ...(needsPrisma(project)
        ? [step(`RUN ${manager.exec} prisma generate`, "Prisma's client is made of the schema.")]
        : []),
      ...(isBuilt ? [step(`RUN ${buildCommand(project)}`)] : []),
      ...(service !== undefined && deploys(project, service)
        ? [
            step(
              runText(
                [secretMount(project), `type=cache,target=${manager.cache},sharing=locked`],
                manager.installProduction(workspace!.name)!,
              ),
              'The workspace with its production dependencies, in a folder of its own.',
            ),
          ]
        : []),
    ],
  };
}

/** The command that builds the package, after the workspaces that it needs. */
function buildCommand({ manager, manifest, workspace, needed, root }: NodeProject): string {
  const has = (scripts: Record<string, string>) => scripts['build'] !== undefined;
  if (workspace === undefined) {
    return has(manifest.scripts) ? manager.run('build', undefined) : `${manager.exec} tsc`;
  }
  if ('turbo' in root.devDependencies) return `${manager.exec} turbo run build --filter=${workspace.name}`;
  const commands = [
    ...needed.filter((one) => has(one.manifest.scripts)),
    ...(has(manifest.scripts) ? [workspace] : []),
  ];
  if (commands.length === 0) return `(cd ${workspace.folder} && ${manager.exec} tsc)`;
  return commands.map(({ name }) => manager.run('build', name)).join(' && \\\n    ');
}

function needsPrisma({ knows, manifest, manager, workspace }: NodeProject): boolean {
  const scripts = ['prebuild', 'build'].map((name) => manifest.scripts[name] ?? '').join(' ');
  return (
    knows('prisma') && workspace === undefined && manager.exec !== '' && !/prisma\s+generate/.test(scripts)
  );
}

function productionStage(
  project: NodeProject,
  service: ServerService,
  base: NodeBase,
  hasDeps: boolean,
): Stage {
  const { folder, manager, health } = project;
  const { port, start } = service;
  const runtime = systemStep(project, base.family, 'runtime');
  const env = {
    NODE_ENV: 'production',
    ...service.env,
    ...nativeEnv(project),
    ...(port === undefined ? {} : { PORT: `${port}` }),
  };
  const isDeployed = deploys(project, service);
  const home = folder === '' || isDeployed ? '/app' : `/app/${folder}`;
  const loader =
    manager.isPlugAndPlay && hasDeps
      ? [
          '--require',
          '/app/.pnp.cjs',
          ...(project.manifest.isModule ? ['--loader', '/app/.pnp.loader.mjs'] : []),
        ]
      : [];
  return {
    comment: 'the image: the last stage, and only what it copies',
    from: base.runtime,
    name: 'production',
    steps: [
      step(`WORKDIR ${home}`),
      envStep(env),
      ...(runtime === undefined ? [] : [runtime]),
      ...(isDeployed
        ? [step('COPY --from=build /out ./', 'The package with its modules, as pnpm deployed it.')]
        : [...moduleSteps(project, service, hasDeps), ...contentSteps(project, service)]),
      step(`USER ${base.user}`, 'A number, not a name: an orchestrator sees that it is not root.'),
      ...(port === undefined ? [] : [step(`EXPOSE ${port}`)]),
      ...(health === undefined || port === undefined ? [] : [nodeHealthcheck(base.program, health, port)]),
      step(
        `CMD ${execForm([...base.program, ...loader, ...start])}`,
        'Exec form, and Node itself: signals reach the service, not a shell or a package manager.',
      ),
    ],
  };
}

function envStep(variables: Record<string, string>): Step {
  const pairs = Object.entries(variables).map(([name, value]) =>
    /^[\w./:@-]+$/.test(value)
      ? `${name}=${value}`
      : `${name}=${JSON.stringify(value).replaceAll('$', '\\$')}`,
  );
  return step(`ENV ${pairs.join(' \\\n    ')}`);
}

/** The modules, before what changes more often. */
function moduleSteps(project: NodeProject, { modules }: ServerService, hasDeps: boolean): Step[] {
  const { workspace, manager, files } = project;
  const isAll = modules === 'all' || (modules === 'production' && !hasDeps && installs(project));
  if (isAll) {
    return workspace === undefined && !manager.isPlugAndPlay
      ? [step('COPY --from=build /app/node_modules ./node_modules')]
      : [step('COPY --from=build /app /app', 'Everything: modules of workspaces are in several folders.')];
  }
  if (!hasDeps) return [];
  if (workspace !== undefined) {
    return [step('COPY --from=deps /app /app', 'Modules of workspaces are in several folders.')];
  }
  if (manager.isPlugAndPlay) {
    const loader = project.manifest.isModule ? ['/app/.pnp.loader.mjs'] : [];
    return [
      step(copyText(['/app/.pnp.cjs', ...loader], './', 'deps'), 'Modules are read from archives.'),
      step('COPY --from=deps /app/.yarn ./.yarn'),
    ];
  }
  const prisma =
    needsPrisma(project) &&
    !/^\s*output\s*=/m.test(files.text('prisma/schema.prisma') ?? '') &&
    manager.name !== 'pnpm'
      ? [
          step(
            'COPY --from=build /app/node_modules/.prisma ./node_modules/.prisma',
            "Prisma's client, as generated.",
          ),
        ]
      : [];
  return [step('COPY --from=deps /app/node_modules ./node_modules', 'First what changes least.'), ...prisma];
}

/** What the service itself consists of, and the workspaces that it needs. */
function contentSteps(project: NodeProject, service: ServerService): Step[] {
  const { folder, needed } = project;
  const isWhole = service.copies.some(({ path }) => path === '');
  const libraries = needed.flatMap(({ folder: library, manifest }): Step[] => {
    if (service.modules !== 'production') return [];
    if (manifest.scripts['build'] === undefined) return [step(copyText([library], `/app/${library}`))];
    const output = /^(?:\.\/)?([\w.-]+)\//.exec(manifest.main ?? '')?.[1] ?? 'dist';
    const path = `${library}/${output}`;
    return [step(copyText([`/app/${path}`], `/app/${path}`, 'build'))];
  });
  const own = service.copies.map(({ path, target, comment }) => {
    if (path === '') return step(copyText([folder === '' ? '.' : folder], './'), comment);
    const source = `/app/${below(folder, path)}`;
    return step(copyText([source], target ?? `./${path}`, 'build'), comment);
  });
  const needsManifest = !isWhole && service.modules !== 'none';
  return [
    ...libraries,
    ...(needsManifest
      ? [step(copyText([below(folder, 'package.json')], './'), 'Says which module format the files have.')]
      : []),
    ...own,
  ];
}

function ignored(project: NodeProject, service: Service): string[] {
  const isBuilt = service.kind === 'static' || service.isBuilt;
  const outputs = service.kind === 'static' ? [service.output] : isBuilt ? outputOf(service) : [];
  const made = outputs.filter((path) => !project.has(path)).map((path) => below(project.folder, path));
  const tests = isBuilt ? [] : ['test', 'tests', '**/*.test.*', '**/__tests__'];
  return [
    ...new Set([
      '**/node_modules',
      ...made,
      '**/coverage',
      '**/*.tsbuildinfo',
      ...(project.manager.isPlugAndPlay ? ['.pnp.*', '.yarn/install-state.gz', '.yarn/unplugged'] : []),
      ...tests,
    ]),
  ];
}

/** Folders at the top that the build makes anew. */
function outputOf({ copies, start }: ServerService): string[] {
  const made = start
    .find((word) => !word.startsWith('-'))
    ?.replace(/^\.\//, '')
    .split('/')[0];
  return copies
    .map(({ path }) => path.split('/')[0]!)
    .filter((path) => path === made || path.startsWith('.'));
}

function notes(project: NodeProject, service: Service): string[] {
  const { manager, health, files } = project;
  const env = files.paths.filter((path) => /(^|\/)\.env\.production$/.test(path));
  return [
    ...(manager.lockFile === undefined
      ? [`There is no lock file of ${manager.title}: commit one, so that builds repeat.`]
      : []),
    ...(service.kind === 'server' && service.port !== undefined && health === undefined
      ? ['No route for a health check was found (/healthz, /health …): the image has none.']
      : []),
    ...(env.length === 0
      ? []
      : [`${env.join(', ')} is left out of the build: pass what the build needs as build arguments.`]),
    ...(manager.installProduction(undefined) === undefined
      ? [`${manager.title} cannot install without development dependencies here: all are in the image.`]
      : []),
    ...(service.kind === 'server' ? (service.notes ?? []) : []),
  ];
}
