import { defineAdvice } from '../advice.ts';
import { replaceWord } from '../command-edits.ts';

const VERBS = new Set(['update', 'install', 'upgrade', 'remove', 'purge', 'autoremove', 'clean']);

export const aptGet = defineAdvice({
  id: 'AptGet',
  description: 'Scripts use apt-get: the interface of apt is for people and may change.',
  severity: 'warning',
  confidence: 'certain',
  aliases: ['DL3027'],
  on: 'command',
  check({ command, stage }, report, { positions }) {
    const [program, ...words] = command.words;
    if (command.name !== 'apt' || program === undefined) return;
    const verb = words.find(({ text }) => !text.startsWith('-'))?.text ?? '';
    report({
      message: 'apt warns that its interface is not stable in scripts',
      hint: 'Use apt-get, or apt-cache to search.',
      location: positions.locationOf(command.start),
      stage,
      ...(VERBS.has(verb) && program.text === 'apt' && { fix: [replaceWord(program, 'apt-get')] }),
    });
  },
});
