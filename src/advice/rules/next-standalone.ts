import { defineAdvice } from '../advice.ts';

export const nextStandalone = defineAdvice({
  id: 'NextStandalone',
  description:
    'The standalone output of Next.js is copied with .next/static and public, which it does not contain.',
  severity: 'warning',
  confidence: 'likely',
  aliases: [],
  on: 'stage',
  check(stage, report, { context }) {
    const all = stage.copies.flatMap(({ sources }) => sources);
    const copy = stage.copies.find(({ sources }) =>
      sources.some((source) => /\.next\/standalone(\/|$)/.test(source)),
    );
    if (!stage.ships || copy === undefined) return;
    const missing = [
      ...(all.some((source) => /\.next\/static(\/|$)/.test(source)) ? [] : ['.next/static']),
      ...(all.some((source) => /(^|\/)public\/?$/.test(source)) || context?.has('public') !== true
        ? []
        : ['public']),
    ];
    if (missing.length === 0) return;
    report({
      message: `pages are served without ${missing.join(' and ')}: the standalone output does not contain ${missing.length === 1 ? 'it' : 'them'}`,
      hint: `Copy ${missing.join(' and ')} beside it, or serve them elsewhere.`,
      location: copy.instruction.location,
      stage,
    });
  },
});
