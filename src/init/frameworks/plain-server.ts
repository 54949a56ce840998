import { JettisonError } from '../../errors/error.ts';
import type { NodeProject } from '../node-project.ts';
import { below, hasFolder } from '../project-files.ts';
import type { Framework, ServerService } from './framework.ts';

/** Folders that servers read while they run. */
const READ_AT_RUN_TIME = 'public views templates static assets locales i18n config migrations drizzle'.split(
  ' ',
);
const HTTP_PACKAGES = [
  'express',
  'fastify',
  'hono',
  'koa',
  '@hapi/hapi',
  'polka',
  'restify',
  '@hono/node-server',
  'h3',
  'apollo-server',
  '@apollo/server',
  'socket.io',
  'ws',
];
/** A command line without a shell's operators: words and quoted words. */
const WORD = /[^\s"'`$|&;<>()*?]+|"[^"$`\\]*"|'[^']*'/;
const PLAIN_LINE = new RegExp(`^\\s*(?:(?:${WORD.source})\\s*)+$`);
/** Options of Node that take the next word. */
const OPTIONS_WITH_VALUE = ['-r', '--require', '--import', '--loader', '--experimental-loader', '-C'];
const RUNNERS = ['tsx', 'ts-node', 'ts-node-esm', '@swc-node/register'];

/** Express, Fastify, Hono, Koa, node:http …: a program that `start` names. */
export const plainNode: Framework = {
  title: 'Node',
  packages: [],
  service: (project) => plainServer(project, {}),
};

/**
 * A server that Node starts from a file.
 *
 * @param known what a framework knows of it
 * @throws JettisonError `INIT_START`
 */
export function plainServer(project: NodeProject, known: { entry?: string; port?: number }): ServerService {
  const { manifest, files, folder } = project;
  const words = known.entry === undefined ? startWords(manifest.scripts['start']) : ['node', known.entry];
  const { start, env, runner } = startOf(project, words);
  const entry = entryOf(start);
  const path = entry.replace(/^\.\//, '');
  const exists = [path, `${path}.js`, `${path}/index.js`].some((one) => project.has(one));
  const isBuilt = manifest.scripts['build'] !== undefined && (!exists || known.entry !== undefined);
  if (!exists && !isBuilt && !isMade(project)) {
    throw new JettisonError('INIT_START', `the start command runs ${path}, which does not exist`, {
      hint: 'Add a "build" script that makes it, or correct "start" in package.json.',
    });
  }
  const output = path.includes('/') ? path.split('/')[0]! : path;
  const atRunTime = READ_AT_RUN_TIME.filter(
    (name) => name !== output && hasFolder(files, below(folder, name)),
  );
  const isServer = HTTP_PACKAGES.some((name) => project.uses(name)) || known.port !== undefined;
  const port = project.port ?? known.port ?? (isServer ? 3000 : undefined);
  const isBuiltHere = isBuilt || !exists;
  return {
    kind: 'server',
    start,
    isBuilt: isBuiltHere,
    copies: isBuiltHere
      ? [
          { path: output, comment: 'What the build has made.' },
          ...atRunTime.map((one) => ({ path: one, comment: 'Read at run time.' })),
        ]
      : [{ path: '', comment: 'The sources: nothing is built. .dockerignore says which.' }],
    modules: runner === undefined ? 'production' : 'all',
    port,
    env,
    notes: [
      ...(runner === undefined
        ? []
        : [
            `The start script runs TypeScript with ${runner}, so development dependencies ship: compile it in "build" for a smaller image.`,
          ]),
      ...(port === undefined
        ? ['No port was found in the sources: add EXPOSE and ENV PORT if it listens.']
        : []),
    ],
  };
}

/** The file that Node is started with: not the value of an option before it. @throws JettisonError `INIT_START` */
function entryOf(args: readonly string[]): string {
  const entry = args.find(
    (arg, i) => !arg.startsWith('-') && !OPTIONS_WITH_VALUE.includes(args[i - 1] ?? ''),
  );
  if (entry !== undefined) return entry;
  throw new JettisonError('INIT_START', 'the start script names no file', {
    hint: 'Write a start script such as "node server.js".',
  });
}

/** TypeScript that is compiled although there is no build script. */
function isMade({ isTypeScript, knows }: NodeProject): boolean {
  return isTypeScript && knows('typescript');
}

function startWords(script: string | undefined): string[] | undefined {
  if (script === undefined) return undefined;
  // `tsc && node dist/x.js`: the build is the build stage's.
  const last = script.split('&&').at(-1)!.trim();
  if (!PLAIN_LINE.test(last)) {
    throw new JettisonError('INIT_START', `the start script needs a shell: ${script}`, {
      hint: 'Write a start script that is one command, such as "node server.js".',
    });
  }
  return [...last.matchAll(new RegExp(WORD, 'g'))].map(([word]) => word.replace(/^(["'])(.*)\1$/, '$2'));
}

/** The arguments of Node, and the variables, of a start script; of `main` without one. */
function startOf(project: NodeProject, given: string[] | undefined) {
  const { manifest } = project;
  const env: Record<string, string> = {};
  const words = [...(given ?? [])];
  for (;;) {
    const [, name, value] = /^([A-Za-z_]\w*)=(.*)$/.exec(words[0] ?? '') ?? [];
    if (name !== undefined) env[name] = value!;
    else if (!['cross-env', 'dotenv', '--', 'npx', 'exec'].includes(words[0] ?? '')) break;
    words.shift();
  }
  delete env['NODE_ENV'];
  const [program, ...args] = words;
  if (program === undefined) return { start: [mainOf(project)], env, runner: undefined };
  if (program === 'node') return { start: args, env, runner: undefined };
  const files = args.filter((arg) => !arg.startsWith('-'));
  if (program === 'nodemon') {
    const entry = files[0] ?? manifest.main ?? 'index.js';
    return { start: [entry], env, runner: undefined };
  }
  if (RUNNERS.includes(program)) {
    const register = program === 'tsx' ? ['--import', 'tsx'] : ['--require', 'ts-node/register'];
    const start = [...register, ...files.filter((file) => file !== 'watch')];
    return { start, env, runner: program in manifest.dependencies ? undefined : program };
  }
  if (program === 'bun') {
    throw new JettisonError('INIT_UNSUPPORTED', 'the start script runs the program with Bun, not with Node', {
      hint: 'Init writes images of Node: compile with `bun build --target=node` and start that with node.',
    });
  }
  throw new JettisonError('INIT_START', `the start script runs "${program}", which init does not know`, {
    hint: 'Write a start script for Node, such as "node server.js".',
  });
}

function mainOf(project: NodeProject): string {
  const { main } = project.manifest;
  const candidates = [
    'server.js',
    'index.js',
    'app.js',
    'src/index.js',
    'src/server.js',
    'server.mjs',
    'index.mjs',
  ];
  const found = candidates.find((path) => project.has(path));
  if (main !== undefined && (project.has(main) || found === undefined)) return main;
  if (found !== undefined) return found;
  throw new JettisonError('INIT_START', 'package.json has neither a start script nor a main file', {
    hint: 'Add a start script, such as "start": "node server.js".',
  });
}
