import { defineAdvice } from '../advice.ts';

export const copyWithoutWorkdir = defineAdvice({
  id: 'CopyWithoutWorkdir',
  description: 'A relative destination follows a WORKDIR.',
  severity: 'warning',
  confidence: 'likely',
  aliases: ['DL3045'],
  on: 'stage',
  check(stage, report) {
    if (stage.base !== undefined || stage.isScratch) return;
    for (const instruction of stage.text.instructions) {
      if (instruction.kind === 'WORKDIR') return;
      if (instruction.kind !== 'COPY' && instruction.kind !== 'ADD') continue;
      const { text, location } = instruction.destination;
      if (/^["']?[/$]|^["']?[a-zA-Z]:/.test(text)) continue;
      report({
        message: `where "${text}" is depends on the working directory of the base image`,
        hint: 'Write WORKDIR before it, or an absolute path.',
        location,
        stage,
      });
      return;
    }
  },
});
