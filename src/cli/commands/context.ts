import { posix, resolve } from 'node:path';
import { readIgnoreText } from '../../context/dockerfile.ts';
import type { IgnoreRules } from '../../context/ignore.ts';
import { parseIgnore } from '../../context/ignore.ts';
import { type LocalContext, openLocalContext } from '../../context/local.ts';
import { JettisonError } from '../../errors/error.ts';
import { visible } from '../../errors/safe-text.ts';
import { size } from '../../events/units.ts';
import { printable } from '../../events/width.ts';
import { join } from '../../layer/entry.ts';
import { defineCommand, defineGroup } from '../command.ts';

function listing(context: LocalContext): string {
  const lines: string[] = [];
  let files = 0;
  let bytes = 0;
  const walk = (directory: string) => {
    const names = context.children(directory);
    if (names.length === 0 && directory !== '') lines.push(`${''.padStart(8)}  ${printable(directory)}/`);
    for (const name of names) {
      const entry = context.get(join(directory, name));
      if (entry?.type === 'directory') walk(entry.path);
      else if (entry !== undefined) {
        const target = entry.link === undefined ? '' : ` -> ${entry.link}`;
        lines.push(`${size(entry.size).padStart(8)}  ${printable(`${entry.path}${target}`)}`);
        files++;
        bytes += entry.size;
      }
    }
  };
  walk('');
  lines.push(`${size(bytes).padStart(8)}  in ${files} ${files === 1 ? 'file' : 'files'}`);
  return `${lines.join('\n')}\n`;
}

function why(context: LocalContext, written: string): string {
  const path = posix.normalize(`/${written}`).replace(/\/$/, '').slice(1);
  const there = context.get(path);
  const verdict = explain(context.ignore, path);
  if (there !== undefined && context.ignore.excludes(path)) {
    return `${path}: included, because a path below it is; by itself ${verdict}`;
  }
  if (there === undefined && !context.ignore.excludes(path)) {
    throw new JettisonError('CONTEXT_PATH_MISSING', `"${path}" does not exist in "${context.label}"`, {
      hint: 'Paths are relative to the context.',
    });
  }
  return `${path || '.'}: ${verdict}`;
}

function explain(ignore: IgnoreRules, path: string): string {
  const { excluded, rule } = ignore.match(path);
  if (rule === undefined) return 'included: no line matches it';
  return `${excluded ? 'excluded' : 'included'} by ${ignore.file}:${rule.line}: ${rule.pattern}`;
}

const ls = defineCommand({
  usage: 'jettison context ls [OPTIONS] [DIRECTORY]',
  about: `Lists the files of a build context that a build may read, with their sizes: everything that .dockerignore
does not exclude. Directories are listed when they are empty.`,
  flags: {
    file: {
      short: 'f',
      value: 'FILE',
      help: "The build's Dockerfile: FILE.dockerignore comes before .dockerignore",
    },
    why: { value: 'PATH', help: 'Show the line that includes or excludes this path' },
  },
  examples: ['jettison context ls', 'jettison context ls --why node_modules/typescript'],
  async run({ flags, args, io }) {
    const [label = '.'] = args;
    const directory = resolve(io.cwd, label);
    const file = flags.file === undefined ? {} : { file: flags.file };
    const { ignoreText = '', ignoreName = '.dockerignore' } = readIgnoreText({
      directory,
      cwd: io.cwd,
      ...file,
    });
    const ignore = parseIgnore(ignoreText, ignoreName);
    const context = openLocalContext({ directory, ignore, label });
    io.stdout.write(flags.why === undefined ? listing(context) : `${visible(why(context, flags.why))}\n`);
    return 0;
  },
});

export const command = defineGroup({
  usage: 'jettison context COMMAND',
  about: 'Shows build contexts.',
  subcommands: { ls },
});
