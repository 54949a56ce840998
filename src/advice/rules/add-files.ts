import { defineAdvice } from '../advice.ts';

const ARCHIVE = /\.(tar|tgz|tbz2?|txz|tar\.\w+|gz|bz2|xz|zst)$/i;

export const addFiles = defineAdvice({
  id: 'AddFiles',
  description: 'Plain files are copied by COPY: ADD also extracts archives and fetches URLs.',
  severity: 'warning',
  confidence: 'certain',
  aliases: ['DL3020'],
  on: 'stage',
  check(stage, report, { positions }) {
    for (const { instruction, sources } of stage.copies) {
      if (instruction.kind !== 'ADD' || sources.length === 0) continue;
      if (sources.some((source) => /:\/\/|^git@|[*?[$]/.test(source) || ARCHIVE.test(source))) continue;
      const start = positions.offsetOf(instruction.location);
      const isPlain =
        instruction.checksum === undefined &&
        instruction.unpack === undefined &&
        instruction.keepGitDir === undefined;
      // A folder may hold archives, which ADD takes as they are; a file could be one under any name.
      report({
        message: 'ADD does more than copying: it looks into each file for an archive',
        hint: 'Use COPY.',
        location: instruction.location,
        stage,
        ...(isPlain &&
          sources.every((source) => /\.\w+$/.test(source)) && {
            fix: [{ start, end: start + 3, text: /^a/.test(instruction.keyword) ? 'copy' : 'COPY' }],
          }),
      });
    }
  },
});
