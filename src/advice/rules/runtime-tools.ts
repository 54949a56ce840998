import { size } from '../../events/units.ts';
import { bytesOf } from '../../inspect/leaf.ts';
import { defineAdvice } from '../advice.ts';

const NAMED = 5;
/** npm and its like, with the packages in them. */
const INSTALLED = /(?:^|\/)lib\/node_modules\/((?:@[^/]+\/)?[^/]+)\//;
const COMPILER =
  /^(gcc|g\+\+|cpp|clang|llvm|binutils|make|cmake|build-base|build-essential|rustc|go|golang)([-.\d].*)?$/;

export const runtimeTools = defineAdvice({
  id: 'RuntimeTools',
  description: 'Package managers, compilers and shells are not in the last stage.',
  // Without a shell nobody can look around in a container: some want that.
  severity: 'info',
  confidence: 'likely',
  needsImage: true,
  aliases: [],
  on: 'file',
  check(_, report, { image }) {
    if (image === undefined) return;
    const names = new Map<string, { bytes: number; layer: number }>();
    for (const leaf of image.census.leaves.values()) {
      if (leaf.kind !== 'tool') continue;
      const name = INSTALLED.exec(leaf.path)?.[1] ?? leaf.owner?.name ?? leaf.path;
      const sum = names.get(name) ?? { bytes: 0, layer: leaf.layer };
      sum.bytes += bytesOf(leaf);
      names.set(name, sum);
    }
    const own = [...names].filter(([name, { layer }]) => COMPILER.test(name) && !image.isBase(layer));
    const [installed] = own;
    if (installed !== undefined) {
      const bytes = own.reduce((sum, [, one]) => sum + one.bytes, 0);
      report({
        message: `compilers are installed in what is shipped (${size(bytes)}): ${listed(own.map(([name]) => name))}`,
        hint: 'Build in a stage of its own, and copy the result.',
        severity: 'warning',
        bytes,
        ...image.place(installed[1].layer),
      });
    }
    const rest = [...names].filter((one) => !own.includes(one)).sort(([, a], [, b]) => b.bytes - a.bytes);
    const bytes = rest.reduce((sum, [, one]) => sum + one.bytes, 0);
    if (rest.length === 0 || bytes === 0) return;
    report({
      message: `package managers, shells and other tools are shipped (${size(bytes)}): ${listed(rest.map(([name]) => name))}`,
      hint: 'Ship the last stage on a distroless or a slim base image.',
      bytes,
      ...image.from,
    });
  },
});

function listed(names: readonly string[]): string {
  const more = names.length - NAMED;
  return `${names.slice(0, NAMED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
