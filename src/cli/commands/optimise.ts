import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type OptimiseOptions, type OptimiseResult, optimise } from '../../build/optimise.ts';
import { ignorePath } from '../../context/dockerfile.ts';
import { JettisonError, usageError } from '../../errors/error.ts';
import { visible } from '../../errors/safe-text.ts';
import { REWRITES } from '../../optimise/rewrites.ts';
import { defineCommand, type Io } from '../command.ts';
import { ask } from '../confirm.ts';
import { BUILD_FLAGS } from '../flags/build-flags.ts';
import { environment } from '../flags/run-flags.ts';
import { type FileEdit, patchOf } from '../patch-text.ts';
import { printJson } from '../print/list-output.ts';
import { optimisePage } from '../print/optimise-page.ts';
import { optimiseMarkdown, optimiseText } from '../print/optimise-text.ts';
import { replaceFile } from '../replace-file.ts';

const FORMATS = ['table', 'json', 'markdown'] as const;

export const command = defineCommand({
  usage: 'jettison optimise [OPTIONS] [DIRECTORY]',
  about: `Rewrites a Dockerfile for a smaller, safer image, and proves each rewrite. The original and each version are
built and run; a rewrite is kept only if the image answers as the original does. The result is a table with figures of
each step, and a patch. Files change with --apply alone.`,
  flags: {
    apply: { help: 'Rewrite the Dockerfile and its ignore file with what is proven, after a question' },
    base: {
      value: 'IMAGE',
      many: true,
      help: 'An image of the store to try under the final stage; may be given several times',
    },
    'build-arg': BUILD_FLAGS['build-arg'],
    diff: { help: 'Print the patch alone, for `git apply`' },
    env: { short: 'e', value: 'NAME[=VALUE]', many: true, help: 'Set a variable of the probed image' },
    file: BUILD_FLAGS.file,
    format: { value: 'FORMAT', values: FORMATS, help: 'table (the default), json or markdown' },
    hardened: { help: 'Run all images as `run --hardened` does: no capabilities, a read-only root' },
    only: {
      value: 'ID',
      many: true,
      suggest: REWRITES.map(({ id }) => id),
      help: 'Try this rewrite only; may be given several times',
    },
    probe: { value: 'COMMAND', help: 'A command in the container that must succeed' },
    'probe-url': {
      value: 'PATH',
      many: true,
      help: 'Ask for this path on each exposed port. Default: /',
      parse: (text: string) => {
        if (text.startsWith('/')) return text;
        throw usageError(`invalid path "${text}"`, 'Write a path that begins with a slash.');
      },
    },
    report: { value: 'FILE', help: 'Write table, rewrites and patch to a file, too: FILE.html or Markdown' },
    secret: BUILD_FLAGS.secret,
    test: {
      value: 'COMMAND',
      help: 'A command on this machine that must succeed; JETTISON_URL is the address',
    },
    yes: { short: 'y', help: 'Apply without a question' },
  },
  notes: `The probe sends GET requests to exposed ports, else to those on which the program listens, and runs the health check.
For an image without any, add --probe or --test. docs/optimise.md says what is compared.

Exit codes: 0 done, 1 failed or not decided, 2 the command line is wrong.`,
  examples: [
    'jettison optimise',
    'jettison optimise --probe-url /health --base node:20-alpine --apply',
    'jettison optimise --test "curl -f $JETTISON_URL/api/orders" --format markdown',
  ],
  async run({ flags, args: [context = '.'], io }) {
    const { file, test, probe, report } = flags;
    if (file === '-' || context === '-') {
      throw usageError('standard input cannot be optimised', 'Name a directory, and a Dockerfile with -f.');
    }
    const directory = resolve(io.cwd, context);
    const paths = flags['probe-url'];
    const options: OptimiseOptions = {
      context: directory,
      buildArgs: Object.fromEntries(flags['build-arg'].flat()),
      secrets: Object.fromEntries(flags.secret.map(({ id, source }) => [id, source])),
      bases: flags.base,
      only: flags.only,
      env: io.env,
      signal: io.signal,
      ...(file === undefined ? {} : { file: resolve(io.cwd, file) }),
      onTrial: (what) => io.stderr.write(`Trying ${visible(what)}\n`),
      probe: {
        env: environment(flags.env, io.env),
        probe,
        rights: flags.hardened ? 'hardened' : 'plain',
        ...(paths.length === 0 ? {} : { paths }),
        ...(test === undefined ? {} : { test: { command: test, cwd: io.cwd, env: io.env } }),
      },
    };
    const result = await optimise(options);
    const changes = changesOf(result, directory, file === undefined ? undefined : resolve(io.cwd, file));
    const patch = patchOf(changes, io);
    if (report !== undefined) {
      const page = /\.html?$/i.test(report) ? optimisePage(result, patch) : optimiseMarkdown(result, patch);
      replaceFile(resolve(io.cwd, report), page);
    }
    if (flags.diff) io.stdout.write(patch);
    else if (flags.format === 'json') printJson(io, { ...result, patch });
    else if (flags.format === 'markdown') io.stdout.write(optimiseMarkdown(result, patch));
    else io.stdout.write(`${optimiseText(result, io)}${patch === '' ? '' : `\n${patch}`}`);
    if (flags.apply) await apply(result, changes, flags.yes, io);
    return result.undecided === undefined ? 0 : 1;
  },
});

/** The files that change: the Dockerfile, and the ignore file that goes with it. */
function changesOf(
  { steps, file: name, ignoreName }: OptimiseResult,
  directory: string,
  chosen: string | undefined,
): FileEdit[] {
  const [first] = steps;
  const { texts } = steps.at(-1)!;
  const file = chosen ?? join(directory, name);
  return [
    { file, before: first.texts.dockerfile, after: texts.dockerfile },
    {
      file: ignorePath(file, directory, ignoreName),
      before: first.texts.ignoreText ?? '',
      after: texts.ignoreText ?? '',
    },
  ];
}

async function apply(
  { undecided }: OptimiseResult,
  changes: readonly FileEdit[],
  isConfirmed: boolean,
  io: Io,
): Promise<void> {
  if (undecided !== undefined) {
    throw new JettisonError('OPTIMISE_UNDECIDED', `nothing is applied: ${undecided}`, {
      hint: 'Add --probe, --probe-url or --test, which show that the image works.',
    });
  }
  const changed = changes.filter(({ before, after }) => before !== after);
  if (changed.length === 0) {
    io.stderr.write('There is nothing to apply.\n');
    return;
  }
  const names = changed.map(({ file }) => visible(file)).join(' and ');
  if (!isConfirmed && !(await ask(io, `Rewrite ${names}?`, 'Add --yes to apply without a question.'))) return;
  for (const { file, before } of changed) {
    if (existsSync(file) ? readFileSync(file, 'utf8') === before : before === '') continue;
    throw new JettisonError('OPTIMISE_CHANGED', `${visible(file)} changed while it was optimised`, {
      hint: 'Nothing was written. Run the command again.',
    });
  }
  for (const { file, after } of changed) replaceFile(file, after);
  io.stderr.write(`Rewrote ${names}.\n`);
}
