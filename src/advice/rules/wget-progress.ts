import { defineAdvice } from '../advice.ts';

const QUIET =
  /^(-[a-zA-Z]*q[a-zA-Z]*|-nv|--quiet|--no-verbose|--progress.*|-o.*|-[a-zA-Z]*O-|--output-file.*|--spider)$/;

export const wgetProgress = defineAdvice({
  id: 'WgetProgress',
  description: 'The log of a build has no progress bars of wget.',
  severity: 'info',
  confidence: 'certain',
  aliases: ['DL3047'],
  on: 'command',
  check({ command, stage }, report, { positions }) {
    if (command.name !== 'wget') return;
    if (command.args.some((arg) => QUIET.test(arg))) return;
    report({
      message: 'wget writes thousands of dots into the log',
      hint: 'Add --progress=dot:giga, or -nv.',
      location: positions.locationOf(command.start),
      stage,
    });
  },
});
