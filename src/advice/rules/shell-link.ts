import { defineAdvice } from '../advice.ts';

export const shellLink = defineAdvice({
  id: 'ShellLink',
  description: 'SHELL chooses the shell of later RUNs, not a link at /bin/sh.',
  severity: 'warning',
  confidence: 'certain',
  aliases: ['DL4005'],
  on: 'command',
  check({ command, stage }, report, { positions }) {
    if (command.name !== 'ln' || !command.args.some((arg) => /^(\/usr)?\/bin\/sh$/.test(arg))) return;
    report({
      message: 'a link at /bin/sh changes the shell of all programs of the image',
      hint: 'Write SHELL ["/bin/bash", "-o", "pipefail", "-c"].',
      location: positions.locationOf(command.start),
      stage,
    });
  },
});
