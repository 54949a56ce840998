import { size } from '../../events/units.ts';
import { bytesOf } from '../../inspect/leaf.ts';
import type { Package } from '../../inspect/package.ts';
import { defineImageAdvice } from '../advice.ts';
import type { ImageFacts } from '../image-facts.ts';

const NAMED = 3;
/** Bytes of all further copies, below which nobody gains by an update. */
const WORTH_SAYING = 100_000;

export const duplicatePackages = defineImageAdvice({
  id: 'DuplicatePackages',
  description: 'npm packages are in the image once.',
  // What other packages ask for, the project often cannot change.
  severity: 'info',
  confidence: 'likely',
  aliases: [],
  on: 'file',
  check(_, report, { image }) {
    const copies = copiesOf(image);
    const bytes = copies.reduce((sum, one) => sum + one.bytes, 0);
    const [first] = copies;
    if (first === undefined || bytes < WORTH_SAYING) return;
    const named = copies
      .slice(0, NAMED)
      .map(({ name, versions, bytes: own }) => `${name} ${versions.join(', ')} (${size(own)})`);
    const rest = copies.length - named.length;
    report({
      message: `npm packages are shipped more than once, ${size(bytes)} too many: ${named.join('; ')}${rest > 0 ? `; and ${rest} more` : ''}`,
      hint: 'npm dedupe, or overrides in package.json; `npm explain NAME` says who asks for which version.',
      bytes,
      ...image.place(first.layer),
    });
  },
});

interface Copies {
  name: string;
  versions: string[];
  /** Of all copies but the largest. */
  bytes: number;
  layer: number;
}

/** npm packages that are there in several places, the most bytes first. */
function copiesOf({ census }: ImageFacts): Copies[] {
  const sizes = new Map<Package, { bytes: number; layer: number }>();
  for (const leaf of census.leaves.values()) {
    const { owner, layer } = leaf;
    if (owner?.type !== 'npm' || owner.kind === 'tool' || owner.kind === 'application') continue;
    const sum = sizes.get(owner) ?? { bytes: 0, layer };
    sum.bytes += bytesOf(leaf);
    sizes.set(owner, sum);
  }
  const byName = new Map<string, { version: string; bytes: number; layer: number }[]>();
  for (const [{ name, version }, { bytes, layer }] of sizes) {
    byName.set(name, [...(byName.get(name) ?? []), { version, bytes, layer }]);
  }
  return [...byName]
    .filter(([, places]) => places.length > 1)
    .map(([name, places]) => {
      const all = places.map(({ bytes }) => bytes);
      const versions = [...new Set(places.map(({ version }) => version))].sort();
      const bytes = all.reduce((sum, one) => sum + one, 0) - Math.max(...all);
      return { name, versions, bytes, layer: places[0]!.layer };
    })
    .sort((a, b) => b.bytes - a.bytes);
}
