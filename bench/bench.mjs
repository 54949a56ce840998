// `npm run bench [PART…] [-- --mb=N --files=N]`: prints times and sizes, asserts nothing. Each part is a module whose default export
// returns lines of text; they share the helpers in harness.mjs.
import { readdirSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { machineLine } from './harness.mjs';

const parts = readdirSync(new URL('.', import.meta.url))
  .filter((name) => name.endsWith('.bench.mjs'))
  .map((name) => name.replace('.bench.mjs', ''))
  .sort();
const { positionals: wanted, values: options } = parseArgs({
  allowPositionals: true,
  options: { mb: { type: 'string' }, files: { type: 'string' } },
});
const unknown = wanted.filter((name) => !parts.includes(name));
if (unknown.length > 0) {
  console.error(`there is no part ${unknown.join(', ')}; the parts are ${parts.join(', ')}`);
  process.exit(2);
}
console.log(machineLine({ cpus: cpus(), load: loadavg(), kernel: release(), memory: totalmem() }));
for (const part of wanted.length > 0 ? wanted : parts) {
  const { default: run } = await import(`./${part}.bench.mjs`);
  console.log(`\n${part}`);
  for await (const line of run(options)) console.log(`  ${line}`);
}
