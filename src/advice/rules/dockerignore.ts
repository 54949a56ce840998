import { plural, size } from '../../events/units.ts';
import { defineAdvice } from '../advice.ts';
import { shipsPath } from '../stage-facts.ts';

/** Less than this is not worth a line. */
const LEAST_BYTES = 64 * 1024;

export const dockerignore = defineAdvice({
  id: 'Dockerignore',
  description: 'The ignore file leaves out what a COPY of everything must not take.',
  severity: 'warning',
  confidence: 'certain',
  aliases: [],
  on: 'file',
  check({ stages }, report, { context }) {
    if (context === undefined) return;
    const whole = stages.flatMap((stage) =>
      stage.copies
        .filter(({ isContext, sources }) => isContext && sources.some((source) => /^\.?\/?$/.test(source)))
        .map((copy) => ({ stage, copy })),
    );
    // The COPY whose files are shipped counts most.
    const found = whole.find(({ stage, copy }) => shipsPath(stages, stage, copy.destination)) ?? whole[0];
    if (found === undefined) return;
    const surplus = context.surplus.filter(({ bytes, isSecret }) => isSecret || bytes >= LEAST_BYTES);
    if (surplus.length === 0) return;
    const isShipped = shipsPath(stages, found.stage, found.copy.destination);
    const bytes = surplus.reduce((sum, one) => sum + one.bytes, 0);
    const files = surplus.reduce((sum, one) => sum + one.files, 0);
    const isPartial = surplus.some((one) => one.isPartial);
    const names = surplus.slice(0, 4).map(({ path }) => path);
    const more = surplus.length > 4 ? ` and ${surplus.length - 4} more` : '';
    const hasSecret = isShipped && surplus.some(({ isSecret }) => isSecret);
    report({
      message: `${found.copy.instruction.kind} takes ${names.join(', ')}${more}${isShipped ? ' into the image' : ''}: ${isPartial ? 'more than ' : ''}${size(bytes)} in ${plural(files, 'file')}`,
      hint: `Add ${surplus.length === 1 ? 'it' : 'them'} to ${context.ignoreName ?? '.dockerignore'}${context.ignoreText === undefined ? ', which does not exist yet' : ''}.`,
      location: found.copy.instruction.location,
      stage: found.stage,
      bytes,
      ...(hasSecret && { severity: 'error' as const }),
    });
  },
});
