import { dirname, resolve } from 'node:path';
import { type CheckResult, check } from '../../build/check.ts';
import { usageError } from '../../errors/error.ts';
import { wantsColor } from '../../errors/style.ts';
import { defineCommand } from '../command.ts';
import { exitCodeOf, findingsJson, findingsSarif, findingsText } from '../print/findings.ts';
import { toJson } from '../print/template/values.ts';

function pair(text: string): [string, string] {
  const equals = text.indexOf('=');
  if (equals < 1) throw usageError(`--build-arg ${text} has no value`, 'Write --build-arg NAME=VALUE.');
  return [text.slice(0, equals), text.slice(equals + 1)];
}

export const command = defineCommand({
  usage: 'jettison lint [OPTIONS] [FILE...]',
  about: `Checks Dockerfiles without building them (default: ./Dockerfile). It reads only the files and their ignore
files: rules that depend on base images are left out. \`jettison build --check\` looks at those, too.`,
  flags: {
    'build-arg': {
      value: 'NAME=VALUE',
      many: true,
      help: 'Check as if this build argument was given',
      parse: pair,
    },
    format: { value: 'text|json|sarif', values: ['text', 'json', 'sarif'], help: 'Default: text' },
  },
  notes: `A comment "# check=skip=NAME,NAME" turns checks off: at the top for the file, above an instruction for that
one.

Exit codes: 0 nothing found, 1 something found, 2 the command line is wrong.`,
  examples: ['jettison lint', 'jettison lint --format sarif services/*/Dockerfile > lint.sarif'],
  async run({ flags, args, io }) {
    const { format = 'text' } = flags;
    const buildArgs = Object.fromEntries(flags['build-arg']);
    const results: CheckResult[] = [];
    for (const file of args.length === 0 ? [undefined] : args) {
      // The context is the folder of the file, where its ignore file is.
      const context = file === undefined || file === '-' ? io.cwd : dirname(resolve(io.cwd, file));
      results.push(
        await check({
          context,
          buildArgs,
          offline: true,
          stdin: io.stdin,
          env: io.env,
          ...(file === undefined ? {} : { file }),
        }),
      );
    }
    if (format === 'json') {
      const all = results.map((result) => ({ file: result.file, ...findingsJson(result) }));
      io.stdout.write(`${toJson(all, 2)}\n`);
    } else if (format === 'sarif') {
      io.stdout.write(`${toJson(findingsSarif(results), 2)}\n`);
    } else {
      io.stdout.write(findingsText(results, wantsColor(io.stdout, io.env)));
    }
    return exitCodeOf(results);
  },
});
