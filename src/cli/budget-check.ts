import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { JettisonError } from '../errors/error.ts';
import { style, wantsColor } from '../errors/style.ts';
import { plural } from '../events/units.ts';
import type { Digest } from '../image/digest.ts';
import { familiarName } from '../image/reference.ts';
import { type Budget, judge, readBudget, readDiveRules, type Verdict } from '../inspect/budget.ts';
import type { Io } from './command.ts';
import type { Values } from './flag.ts';
import { type SOURCE_FLAGS, withInspections } from './with-inspections.ts';

const FILES = ['jettison.json', 'package.json', '.dive-ci'];

/** The budget of a directory, from the first file that has one. @throws JettisonError `BUDGET_MISSING`, `BUDGET_INVALID` */
export function findBudget(cwd: string, given: string | undefined): { budget: Budget; file: string } {
  for (const name of given === undefined ? FILES : [given]) {
    const path = resolve(cwd, name);
    if (!existsSync(path)) continue;
    const budget = budgetIn(readFileSync(path, 'utf8'), name, given !== undefined);
    if (budget !== undefined) return { budget, file: name };
  }
  throw new JettisonError(
    'BUDGET_MISSING',
    given === undefined ? `there is no budget in ${cwd}` : `there is no budget in ${given}`,
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
      hint: 'Correct it, or name another file with --config.',
      exitCode: 2,
    });
  }
  const { jettison, budget } = (value ?? {}) as { jettison?: { budget?: unknown }; budget?: unknown };
  const found = jettison?.budget ?? budget ?? (isGiven && !name.endsWith('package.json') ? value : undefined);
  return found === undefined ? undefined : readBudget(found, name);
}

/** Compares an image with a budget. @returns the image's label, and a verdict per rule */
export async function judgeImage(
  image: string,
  budget: Budget,
  choice: Values<typeof SOURCE_FLAGS>,
  io: Io,
): Promise<{ label: string; verdicts: Verdict[] }> {
  const names = budget.growth === undefined ? [image] : [image, budget.growth.against];
  return withInspections(names, choice, io, ([inspection, reference]) => ({
    label: inspection!.image.label,
    verdicts: judge(budget, { inspection: inspection!, reference }),
  }));
}

/**
 * Judges an image that was just built, on standard error.
 *
 * @throws JettisonError `OVER_BUDGET`
 */
export async function checkBuilt(
  digest: Digest,
  name: string | undefined,
  { budget, file }: ReturnType<typeof findBudget>,
  io: Io,
): Promise<void> {
  const choice = { platform: undefined, remote: false, 'registry-insecure': false };
  const { verdicts } = await judgeImage(digest, budget, choice, io);
  const label = name === undefined ? digest : familiarName(name);
  io.stderr.write(verdictText(verdicts, label, wantsColor(io.stderr, io.env)));
  const broken = verdicts.filter(({ ok }) => !ok).map(({ rule }) => rule);
  if (broken.length === 0) return;
  throw new JettisonError('OVER_BUDGET', `${label} is over the budget in ${file}: ${broken.join(', ')}`, {
    hint: `The image is built: \`jettison explore ${label}\` shows its content.`,
  });
}

/** Verdicts as text. @param color whether the terminal has colours */
export function verdictText(verdicts: Verdict[], label: string, color: boolean): string {
  const { red, green, dim, bold } = style(color);
  const width = Math.max(...verdicts.map(({ rule }) => rule.length), 0) + 2;
  const lines = verdicts.flatMap(({ rule, ok, text, causes }) => [
    `  ${ok ? green('✓') : red('✗')} ${rule.padEnd(width)}${text}\n`,
    ...(ok ? [] : causes.map((cause) => `    ${' '.repeat(width)}${dim(cause)}\n`)),
  ]);
  const broken = verdicts.filter(({ ok }) => !ok).length;
  const verdict = broken === 0 ? 'within its budget' : `over its budget: ${plural(broken, 'rule')} broken`;
  return `${bold(label)}\n${lines.join('')}${label} is ${verdict}\n`;
}
