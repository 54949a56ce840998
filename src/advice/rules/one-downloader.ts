import { defineAdvice } from '../advice.ts';

export const oneDownloader = defineAdvice({
  id: 'OneDownloader',
  description: 'A stage that ships downloads with curl or with wget, not with both.',
  severity: 'info',
  confidence: 'likely',
  aliases: ['DL4001'],
  on: 'stage',
  check(stage, report, { positions }) {
    if (!stage.ships) return;
    const uses = stage.runs.flatMap(({ commands }) =>
      commands.filter(({ name }) => /^(curl|wget)$/.test(name)),
    );
    const other = uses.find(({ name }) => name !== uses[0]!.name);
    if (other === undefined) return;
    report({
      message: `this stage downloads with ${uses[0]!.name} and with ${other.name}: both have to be in the image`,
      hint: `Use ${uses[0]!.name} here, too.`,
      location: positions.locationOf(other.start),
      stage,
    });
  },
});
