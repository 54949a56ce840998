import { defineAdvice } from '../advice.ts';
import { insertAfter, wordOf } from '../command-edits.ts';
import { deletesLater, homeOf, isMounted } from '../package-installs.ts';

export const pipCache = defineAdvice({
  id: 'PipCache',
  description: 'pip leaves no downloads in the image.',
  severity: 'warning',
  confidence: 'certain',
  aliases: ['DL3042'],
  on: 'command',
  check({ command, run, stage }, report, { positions }) {
    const isPip = /^pip[\d.]*$/.test(command.name);
    const isModule =
      /^python[\d.]*$/.test(command.name) && command.args[0] === '-m' && command.args[1] === 'pip';
    const verb = wordOf(command, 'install');
    if (!stage.ships || (!isPip && !isModule) || verb === undefined) return;
    if (command.args.includes('--no-cache-dir') || command.args.includes('--no-cache')) return;
    // pip turns its cache off for any value that is set, even a false one, up to version 19.
    if (run.state.env.has('PIP_NO_CACHE_DIR')) return;
    const off = assigned(command.assignments);
    if (off !== undefined && !/^(0|false|no|off)?$/i.test(off)) return;
    const cache = run.state.env.get('PIP_CACHE_DIR') ?? `${homeOf(run.state)}/.cache/pip`;
    if (isMounted(run, cache) || deletesLater(run, command, '.cache')) return;
    report({
      message: 'pip keeps what it downloads in the image',
      hint: `Add --no-cache-dir, or a cache mount at ${cache}.`,
      location: positions.locationOf(command.start),
      stage,
      fix: [insertAfter(verb, '--no-cache-dir')],
    });
  },
});

function assigned(assignments: readonly string[]): string | undefined {
  return assignments.find((one) => one.startsWith('PIP_NO_CACHE_DIR='))?.replace(/^[^=]*=/, '');
}
