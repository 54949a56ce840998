import { wantsColor } from '../../errors/style.ts';
import { workflowCommand } from '../../events/workflow-commands.ts';
import type { Verdict } from '../../inspect/budget.ts';
import { findBudget, judgeImage, verdictText } from '../budget-check.ts';
import { defineCommand } from '../command.ts';
import { printJson } from '../print/list-output.ts';
import { SOURCE_FLAGS, SOURCE_NOTE } from '../with-inspections.ts';

const FORMATS = ['text', 'json', 'github'] as const;

/** Workflow commands of GitHub Actions. */
function annotations(verdicts: Verdict[], label: string, file: string): string {
  return verdicts
    .filter(({ ok }) => !ok)
    .map(({ rule, text, causes }) => {
      const message = [`${label}: ${rule}: ${text}`, ...causes].join('\n');
      return `${workflowCommand('error', message, { file, title: `Image budget: ${rule}` })}\n`;
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
    const { label, verdicts } = await judgeImage(image, budget, flags, io);
    if (format === 'json') printJson(io, { version: 1, image: label, verdicts });
    else if (format === 'github') io.stdout.write(annotations(verdicts, label, file));
    else io.stdout.write(verdictText(verdicts, label, wantsColor(io.stdout, io.env)));
    return verdicts.every(({ ok }) => ok) ? 0 : 1;
  },
});
