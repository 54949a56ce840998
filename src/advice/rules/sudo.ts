import { defineAdvice } from '../advice.ts';

export const sudo = defineAdvice({
  id: 'Sudo',
  description: 'USER switches accounts, not sudo.',
  severity: 'warning',
  confidence: 'certain',
  aliases: ['DL3004'],
  on: 'command',
  check({ command, stage }, report, { positions }) {
    if (command.name !== 'sudo') return;
    report({
      message: 'sudo has no terminal in a build, and does not pass signals on as expected',
      hint: 'Write USER root before this RUN, and the other USER after it.',
      location: positions.locationOf(command.start),
      stage,
    });
  },
});
