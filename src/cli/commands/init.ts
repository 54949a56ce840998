import { lstatSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { EXIT, JettisonError, usageError } from '../../errors/error.ts';
import { visible } from '../../errors/safe-text.ts';
import { filesOf, findRecipe } from '../../init/find-recipe.ts';
import type { BaseFamily, Recipe } from '../../init/image-recipe.ts';
import { readProject } from '../../init/read-project.ts';
import { defineCommand, type Io } from '../command.ts';
import { ask } from '../confirm.ts';
import { BUILD_FLAGS } from '../flags/build-flags.ts';
import { changesOf, type FileChange, writeChange } from '../init-files.ts';

const BASES = ['alpine', 'slim', 'distroless', 'host'] as const;

export const command = defineCommand({
  usage: 'jettison init [OPTIONS] [DIRECTORY]',
  about: `Writes a Dockerfile and a .dockerignore for the project in a directory: stages for dependencies, build and
production, cache mounts, a numeric user, a health check where the sources have a route for it. Then builds the image,
starts it and asks its port. It knows Node (npm, Yarn, pnpm, Bun; workspaces; the usual frameworks), Go, Python, Java
and static sites. Existing files are never overwritten.`,
  flags: {
    app: { value: 'NAME', help: 'The workspace (or Go program) to ship, by name or folder' },
    base: {
      value: 'FAMILY',
      values: BASES,
      help: "alpine, slim, distroless, or host: this machine's own Node, without any registry (default: what fits)",
    },
    compose: { help: 'Write a compose.yaml, too' },
    'dry-run': { help: 'Show the files and write nothing' },
    'no-verify': { help: 'Do not build and start the image' },
    secret: BUILD_FLAGS.secret,
    stdout: { help: 'Print the Dockerfile and write nothing' },
    'static-server': {
      value: 'SERVER',
      values: ['nginx', 'caddy'],
      help: 'Of sites: nginx (the default) or caddy',
    },
    update: { help: 'Show how existing files would change, and change them if confirmed' },
    yes: { short: 'y', help: 'Update without a question' },
  },
  notes: `While it verifies, the settings of npm in ~/.npmrc are given to the build as the secret "npmrc", unless --secret
names another.

Exit codes: 0 written and verified (or not to be verified), 1 the image does not build or does not answer, 2 the command
line is wrong, 3 written but not verified.`,
  examples: ['jettison init', 'jettison init --base host', 'jettison init --app web --compose shop'],
  async run({ flags, args: [directory = '.'], io }) {
    const folder = resolve(io.cwd, directory);
    const { stdout: onlyPrints, update, compose } = flags;
    const isDry = flags['dry-run'];
    if (onlyPrints && (update || isDry)) {
      throw usageError('--stdout excludes --update and --dry-run', 'Use one of them.');
    }
    if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) {
      throw usageError(`${directory} is not a directory`, 'Name the folder of the project.');
    }
    const recipe = findRecipe(readProject(folder), {
      base: flags.base as BaseFamily | undefined,
      app: flags.app,
      staticServer: flags['static-server'] === 'caddy' ? 'caddy' : 'nginx',
      hostNode: process.versions.node,
    });
    const files = filesOf(recipe, compose);
    if (onlyPrints) {
      io.stdout.write(files['Dockerfile']!);
      return 0;
    }
    const existing = Object.keys(files).filter(
      (name) => lstatSync(join(folder, name), { throwIfNoEntry: false }) !== undefined,
    );
    if (existing.length > 0 && !update && !isDry) {
      throw new JettisonError(
        'INIT_EXISTS',
        `${existing.join(' and ')} ${existing.length > 1 ? 'exist' : 'exists'} already`,
        {
          exitCode: EXIT.usage,
          hint: '`jettison init --update` shows how init would change what is there; --stdout prints the Dockerfile.',
        },
      );
    }
    io.stdout.write(`Found: ${visible(recipe.description)}\n`);
    const changes = await changesOf(folder, files);
    if (isDry || existing.length > 0) {
      for (const { diff } of changes) io.stdout.write(visible(diff));
    }
    if (isDry) {
      printNotes(recipe, io);
      return 0;
    }
    if (!(await write(folder, changes, existing, flags.yes, io))) return 0;
    printNotes(recipe, io);
    if (flags['no-verify']) {
      io.stdout.write('Not verified: --no-verify. Build it with `jettison build -t app .`\n');
      return 0;
    }
    const { verify } = await import('../init-verify.ts');
    const secrets = flags.secret.map(({ id, source }) => [id, source] as const);
    return verify(folder, recipe, Object.fromEntries(secrets), io);
  },
});

/** @returns whether the files are as init wants them */
async function write(
  folder: string,
  changes: readonly FileChange[],
  existing: readonly string[],
  isConfirmed: boolean,
  io: Io,
): Promise<boolean> {
  if (changes.length === 0) {
    io.stdout.write('The files are as init would write them.\n');
    return true;
  }
  const replaced = changes.filter(({ name }) => existing.includes(name)).map(({ name }) => name);
  if (
    replaced.length > 0 &&
    !isConfirmed &&
    !(await ask(io, `Change ${replaced.join(' and ')} so?`, 'Add --yes to change them without a question.'))
  ) {
    return false;
  }
  for (const change of changes) writeChange(folder, change, replaced.includes(change.name));
  io.stdout.write(`Wrote ${changes.map(({ name }) => name).join(', ')}\n`);
  return true;
}

function printNotes({ notes }: Recipe, io: Io): void {
  for (const note of notes) io.stdout.write(`note: ${visible(note)}\n`);
}
