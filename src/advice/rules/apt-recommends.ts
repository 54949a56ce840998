import { defineAdvice } from '../advice.ts';
import { wordOf } from '../command-edits.ts';

export const aptRecommends = defineAdvice({
  id: 'AptRecommends',
  description: 'apt-get installs only what is asked for and needed, not what is recommended.',
  severity: 'info',
  confidence: 'likely',
  aliases: ['DL3015'],
  on: 'command',
  check({ command, stage }, report, { positions }) {
    if (!stage.ships || !/^apt(-get)?$/.test(command.name) || wordOf(command, 'install') === undefined)
      return;
    if (
      command.args.some(
        (arg) => arg === '--no-install-recommends' || /Install-Recommends=(false|0)/i.test(arg),
      )
    )
      return;
    report({
      message: `${command.name} install brings recommended packages along`,
      hint: 'Add --no-install-recommends, and name those that are needed.',
      location: positions.locationOf(command.start),
      stage,
    });
  },
});
