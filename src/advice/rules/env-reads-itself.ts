import type { Word } from '../../dockerfile/ast.ts';
import { defineAdvice } from '../advice.ts';

/** The variables that a word uses. */
function namesIn({ text }: Word): string[] {
  return [...text.matchAll(/\$\{?(\w+)/g)].map(([, name]) => name!);
}

export const envReadsItself = defineAdvice({
  id: 'EnvReadsItself',
  description: 'ENV does not use a variable that the same instruction sets.',
  severity: 'warning',
  confidence: 'certain',
  aliases: ['DL3044'],
  on: 'stage',
  check(stage, report) {
    // Every image has a PATH, even scratch.
    const known = new Set(['PATH']);
    for (let below = stage.base; below !== undefined; below = below.base) {
      for (const name of below.final.env.keys()) known.add(name);
    }
    for (const instruction of stage.text.instructions) {
      if (instruction.kind === 'ARG') for (const { name } of instruction.args) known.add(name.text);
      if (instruction.kind !== 'ENV') continue;
      const own = new Set(instruction.pairs.map(({ key }) => key.text));
      // LIST=…:$LIST means an earlier value, which the base image sets.
      for (const { key, value } of instruction.pairs)
        if (namesIn(value).includes(key.text)) known.add(key.text);
      for (const { key, value } of instruction.pairs) {
        const name = namesIn(value).find((one) => own.has(one) && !known.has(one));
        if (name === undefined) continue;
        report({
          message: `${key.text} does not get the value that this instruction gives ${name}: all are set at once`,
          hint: `Set ${name} in an ENV before this one.`,
          location: value.location,
          stage,
        });
      }
      for (const name of own) known.add(name);
    }
  },
});
