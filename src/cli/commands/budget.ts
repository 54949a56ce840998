import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { JettisonError } from '../../errors/error.ts';
import { style, wantsColor } from '../../errors/style.ts';
import { plural } from '../../events/units.ts';
import { type Budget, judge, readBudget, readDiveRules, type Verdict } from '../../inspect/budget.ts';
import { defineCommand, type Io } from '../command.ts';
import { SOURCE_FLAGS, SOURCE_NOTE, withInspections } from '../inspections.ts';
import { printJson } from '../print/list-output.ts';

const FORMATS = ['text', 'json', 'github'] as const;
const FILES = ['jettison.json', 'package.json', '.dive-ci'];

/** The budget of a directory, from the first file that has one. @throws JettisonError `BUDGET_MISSING`, `BUDGET_INVALID` */
function findBudget(cwd: string, given: string | undefined): { budget: Budget; file: string } {
  for (const name of given === undefined ? FILES : [given]) {
    const path = resolve(cwd, name);
    if (!existsSync(path)) continue;
    const budget = budgetIn(readFileSync(path, 'utf8'), name, given !== undefined);
    if (budget !== undefined) return { budget, file: name };
  }
  throw new JettisonError(
    'BUDGET_MISSING',
    given === undefined ? `there is no budget in ${cwd}` : `there is no budget in ${join(given)}`,
    { hint: 'Write one into package.json: "jettison": { "budget": { "size": "150MB" } }.', exitCode: 2 },
  );
}

function budgetIn(text: string, name: string, isGiven: boolean): Budget | undefined {
  if (/\.dive-ci$|\.ya?ml$/.test(name)) return readDiveRules(text, name);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new JettisonError('BUDGET_INVALID', `${name} is not JSON: ${(error as Error).message}`, {
      hint: 'Mend it, or name another file with --config.',
      exitCode: 2,
    });
  }
  const { jettison, budget } = (value ?? {}) as { jettison?: { budget?: unknown }; budget?: unknown };
  const found = jettison?.budget ?? budget ?? (isGiven && !name.endsWith('package.json') ? value : undefined);
  return found === undefined ? undefined : readBudget(found, name);
}

function verdictText(verdicts: Verdict[], label: string, io: Io): string {
  const { red, green, dim, bold } = style(wantsColor(io.stdout, io.env));
  const width = Math.max(...verdicts.map(({ rule }) => rule.length), 0) + 2;
  const lines = verdicts.flatMap(({ rule, ok, text, causes }) => [
    `  ${ok ? green('✓') : red('✗')} ${rule.padEnd(width)}${text}\n`,
    ...(ok ? [] : causes.map((cause) => `    ${' '.repeat(width)}${dim(cause)}\n`)),
  ]);
  const broken = verdicts.filter(({ ok }) => !ok).length;
  const verdict = broken === 0 ? 'within its budget' : `over its budget: ${plural(broken, 'rule')} broken`;
  return `${bold(label)}\n${lines.join('')}${label} is ${verdict}\n`;
}

/** Workflow commands of GitHub Actions. */
function annotations(verdicts: Verdict[], label: string, file: string): string {
  const data = (text: string) => text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
  const property = (text: string) => data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
  return verdicts
    .filter(({ ok }) => !ok)
    .map(({ rule, text, causes }) => {
      const message = [`${label}: ${rule}: ${text}`, ...causes].join('\n');
      return `::error file=${property(file)},title=${property(`Image budget: ${rule}`)}::${data(message)}\n`;
    })
    .join('');
}

export const command = defineCommand({
  usage: 'jettison budget [OPTIONS] IMAGE',
  about: `Compares an image with the budget of this directory, and names what is over it: rules stand in package.json
("jettison": { "budget": { "size": "150MB" } }), in jettison.json ("budget"), or in .dive-ci.`,
  flags: {
    config: { short: 'c', value: 'FILE', help: 'Read the budget from this file' },
    format: {
      value: 'FORMAT',
      values: FORMATS,
      help: 'text (the default), json or github: annotations for a workflow',
    },
    json: { help: 'The same as --format json' },
    ...SOURCE_FLAGS,
  },
  notes: `${SOURCE_NOTE}

Rules: size, packed, layers, files, waste, growth, forbidPaths, forbidPackages, nonRoot, healthcheck, noShell,
noDevPackages.

Exit codes: 0 within the budget, 1 over it, 2 the budget or the command line is wrong.`,
  examples: [
    'jettison budget app',
    'jettison budget -c ci/budget.json --format github example.com/team/app:1',
  ],
  async run({ flags, args, io }) {
    const [image = ''] = args;
    const format = flags.format ?? (flags.json ? 'json' : 'text');
    const { budget, file } = findBudget(io.cwd, flags.config);
    const names = budget.growth === undefined ? [image] : [image, budget.growth.against];
    return withInspections(names, flags, io, ([inspection, reference]) => {
      const verdicts = judge(budget, { inspection: inspection!, reference });
      if (format === 'json') printJson(io, { version: 1, image: inspection!.image.label, verdicts });
      else if (format === 'github') io.stdout.write(annotations(verdicts, inspection!.image.label, file));
      else io.stdout.write(verdictText(verdicts, inspection!.image.label, io));
      return verdicts.every(({ ok }) => ok) ? 0 : 1;
    });
  },
});
