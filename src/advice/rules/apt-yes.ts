import { defineAdvice } from '../advice.ts';
import { insertAfter, wordOf } from '../command-edits.ts';

const PROGRAMS = ['apt-get', 'apt', 'yum', 'dnf'];

export const aptYes = defineAdvice({
  id: 'AptYes',
  description: 'Package managers that ask questions get -y: nobody can answer in a build.',
  severity: 'error',
  confidence: 'certain',
  aliases: ['DL3014', 'DL3030', 'DL3038'],
  on: 'command',
  check({ command, run, stage }, report, { positions }) {
    const verb = wordOf(command, 'install');
    if (!PROGRAMS.includes(command.name) || verb === undefined) return;
    if (
      command.args.some((arg) =>
        /^-[a-z]*y[a-z]*$|^--(assume-?yes|yes|assumeyes|download-only|simulate)$|^-[a-z]*qq$/.test(arg),
      )
    )
      return;
    if (run.commands.some(({ name }) => name === 'yes')) return;
    report({
      message: `${command.name} install waits for an answer, and the build fails`,
      hint: 'Add -y.',
      location: positions.locationOf(command.start),
      stage,
      fix: [insertAfter(verb, '-y')],
    });
  },
});
