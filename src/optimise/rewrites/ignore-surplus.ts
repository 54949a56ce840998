import { size } from '../../events/units.ts';
import type { Rewrite } from '../rewrite.ts';

/** Files of the context that COPY takes and an image seldom needs. */
export const ignoreSurplus: Rewrite = {
  id: 'ignore-surplus',
  title: 'leave files out of the context',
  aim: 'safety',
  propose({ texts, context, facts }) {
    const named = facts.stages.flatMap(({ copies }) =>
      copies.filter(({ isContext }) => isContext).flatMap(({ sources }) => sources.map(bare)),
    );
    if (!named.includes('')) return [];
    const left = context.surplus.filter(
      ({ path }) => !named.some((source) => `${source}/`.startsWith(`${path}/`)),
    );
    if (left.length === 0) return [];
    const { ignoreText = '' } = texts;
    const end = ignoreText === '' || ignoreText.endsWith('\n') ? '' : '\n';
    const lines = left.map(({ path }) => `${path}\n`).join('');
    const bytes = left.reduce((sum, one) => sum + one.bytes, 0);
    const names = left.map(({ path }) => path).join(', ');
    return [
      {
        summary: `leaves ${names} out of the context: ${size(bytes)}`,
        texts: { ...texts, ignoreText: `${ignoreText}${end}${lines}` },
      },
    ];
  },
};

function bare(source: string): string {
  return source.replace(/^(\.?\/)+|^\.$/, '').replace(/\/$/, '');
}
