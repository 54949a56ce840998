import { size } from '../../events/units.ts';
import { defineImageAdvice } from '../advice.ts';
import { isCompiler, toolsOf } from '../shipped-tools.ts';

const NAMED = 5;

export const runtimeTools = defineImageAdvice({
  id: 'RuntimeTools',
  description: 'Package managers, compilers and shells are not in the last stage.',
  // Without a shell nobody can look around in a container: some want that.
  severity: 'info',
  confidence: 'likely',
  aliases: [],
  on: 'file',
  check(_, report, { image }) {
    const tools = [...toolsOf(image)];
    const own = tools.filter(([name, { layer }]) => isCompiler(name) && !image.isBase(layer));
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
    const rest = tools.filter((one) => !own.includes(one)).sort(([, a], [, b]) => b.bytes - a.bytes);
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
