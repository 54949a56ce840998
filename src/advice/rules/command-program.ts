import { defineImageAdvice } from '../advice.ts';

export const commandProgram = defineImageAdvice({
  id: 'CommandProgram',
  description: 'The program of ENTRYPOINT or CMD is in the image.',
  severity: 'error',
  confidence: 'certain',
  aliases: [],
  on: 'file',
  check({ target }, report, { image }) {
    const { cmd, entrypoint } = target.final;
    const { Entrypoint, Cmd } = image.config;
    const args = Entrypoint?.length ? Entrypoint : (Cmd ?? []);
    const missing = image.missingProgram({ form: 'exec', args });
    if (missing === undefined) return;
    const written = Entrypoint?.length ? entrypoint : cmd;
    report({
      message: `the image has no ${missing}: it does not start`,
      hint: 'Name a program of the image, with its path or in a folder of PATH; a shell form needs /bin/sh.',
      location: written?.location ?? image.from.location,
      stage: target,
    });
  },
});
