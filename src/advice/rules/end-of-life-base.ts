import { type Lifecycle, lifecycleOf } from '../../scan/lifecycle.ts';
import { defineAdvice } from '../advice.ts';
import type { BaseName } from '../stage-facts.ts';

export const endOfLifeBase = defineAdvice({
  id: 'EndOfLifeBase',
  description: 'A base image is of a release that still gets security updates.',
  severity: 'warning',
  confidence: 'certain',
  aliases: [],
  on: 'stage',
  check(stage, report, { image: shipped, target, today }) {
    const { image, base, text } = stage;
    if (base !== undefined || today === undefined) return;
    const isBelowTarget = stage.ships && shipped !== undefined;
    const found = isBelowTarget ? shipped.lifecycles : image === undefined ? [] : namedIn(image, today);
    for (const { product, version, newest, ...dates } of found) {
      // Everybody gets the updates of Debian LTS.
      const end = product === 'Debian' ? (dates.extended?.end ?? dates.end) : dates.end;
      if (end >= today) continue;
      report({
        message: `${product} ${version} has had no security updates since ${end}`,
        hint: `Use a newer release of the base image${product === 'Node' || newest === version ? '' : `: the newest one is ${product} ${newest}`}.`,
        location: text.from.image.location,
        stage: stage.ships ? target : stage,
        // Nothing of it is shipped.
        ...(!stage.ships && { severity: 'info' as const }),
      });
    }
  },
});

/** What the name of an official image says: `node:18-alpine3.18` is of Node 18 and Alpine 3.18. */
function namedIn({ repository, tag = '' }: BaseName, today: string): Lifecycle[] {
  const version = /^v?(\d+(?:\.\d+)*)/.exec(tag)?.[1];
  const alpine = /-alpine(\d+\.\d+)/.exec(tag)?.[1];
  const distroless = /^gcr\.io\/distroless\/nodejs(\d+)/.exec(repository)?.[1];
  return [
    ...(version !== undefined && ['node', 'debian', 'ubuntu', 'alpine'].includes(repository)
      ? lifecycleOf(repository, version, today)
      : []),
    ...(alpine === undefined ? [] : lifecycleOf('alpine', alpine, today)),
    ...(distroless === undefined ? [] : lifecycleOf('node', distroless, today)),
  ];
}
