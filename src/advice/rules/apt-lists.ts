import { defineAdvice } from '../advice.ts';
import { appendCommand } from '../command-edits.ts';
import { deletesLater, isMounted } from '../package-installs.ts';

const LISTS = '/var/lib/apt/lists';

export const aptLists = defineAdvice({
  id: 'AptLists',
  description: 'A RUN that updates the package lists of apt deletes them again.',
  severity: 'warning',
  confidence: 'certain',
  aliases: ['DL3009'],
  on: 'command',
  check({ command, run, stage }, report, evidence) {
    if (!stage.ships || !/^apt(-get)?$/.test(command.name) || !command.args.includes('update')) return;
    if (isMounted(run, LISTS) || deletesLater(run, command, LISTS)) return;
    const fix = appendCommand(evidence, run, `rm -rf ${LISTS}/*`);
    report({
      message: 'the package lists of apt stay in the image, 20 MB or so',
      hint: `End this RUN with: && rm -rf ${LISTS}/*`,
      location: evidence.positions.locationOf(command.start),
      stage,
      ...(fix !== undefined && { fix }),
    });
  },
});
