import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type CheckResult, check } from '../../build/check.ts';
import { wantsColor } from '../../errors/style.ts';
import type { Command, Io } from '../command.ts';
import { exitCodeOf, findingsJson, findingsSarif, findingsText } from '../print/findings.ts';
import { toJson } from '../print/template/values.ts';
import { usageError } from '../usage.ts';

const help = `Usage: jettison lint [OPTIONS] [FILE...]

Checks Dockerfiles without building them (default: ./Dockerfile). Nothing but the files and their ignore files is
read: base images are not looked at, and what depends on them is left out. \`jettison build --check\` looks at them.

Options:
      --build-arg NAME=VALUE  Check as if this build argument was given
      --format FORMAT         text (default), json or sarif

A comment "# check=skip=NAME,NAME" turns checks off: at the top for the file, above an instruction for that one.
Exit codes: 0 nothing found, 1 something found, 2 the command line is wrong.

Examples:
  jettison lint
  jettison lint --format sarif services/*/Dockerfile > lint.sarif
`;

const FORMATS = ['text', 'json', 'sarif'];

async function run(args: string[], io: Io): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      'build-arg': { type: 'string', multiple: true },
      format: { type: 'string' },
    },
  });
  const { format = 'text' } = values;
  if (!FORMATS.includes(format))
    throw usageError(`there is no format "${format}"`, `There are ${FORMATS.join(', ')}.`);
  const buildArgs = Object.fromEntries((values['build-arg'] ?? []).map(pair));
  const results: CheckResult[] = [];
  for (const file of positionals.length === 0 ? [undefined] : positionals) {
    // A file's ignore file is beside it, as long as nobody says what its context is.
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
}

function pair(text: string): [string, string] {
  const equals = text.indexOf('=');
  if (equals < 1) throw usageError(`--build-arg ${text} has no value`, 'Write --build-arg NAME=VALUE.');
  return [text.slice(0, equals), text.slice(equals + 1)];
}

export const command: Command = { help, run };
