// Writes what is made of the commands' tables of flags:
//
//   node scripts/flag-docs.mjs docs [--check]   the tables in docs/*.md; with --check says which are out of date
//   node scripts/flag-docs.mjs man              man/*.1
//
// The tables are TypeScript, so that they are bundled first.
import { mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { rolldown } from 'rolldown';

const root = fileURLToPath(new URL('../', import.meta.url));
const [task, option] = process.argv.slice(2);
const { commands: table, everyCommand, withFlagTables, manPage } = await loaded();
const commands = await everyCommand(table);
if (task === 'docs') await updateDocs(option === '--check');
else if (task === 'man') await writeManPages();
else {
  process.stderr.write('usage: node scripts/flag-docs.mjs docs [--check] | man\n');
  process.exitCode = 2;
}

async function updateDocs(checkOnly) {
  const flagsOf = (name) => commands.find((one) => one.name === name)?.command.flags;
  for (const name of await readdir(join(root, 'docs'))) {
    if (!name.endsWith('.md')) continue;
    const path = join(root, 'docs', name);
    const before = await readFile(path, 'utf8');
    const after = withFlagTables(before, flagsOf);
    if (after === before) continue;
    process.stdout.write(`docs/${name}: ${checkOnly ? 'out of date: npm run docs:flags' : 'updated'}\n`);
    if (checkOnly) process.exitCode = 1;
    else await writeFile(path, after);
  }
}

async function writeManPages() {
  const folder = await mkdtemp(join(root, '.man-'));
  for (const one of [undefined, ...commands]) {
    const name = ['jettison', ...(one?.name.split(' ') ?? [])].join('-');
    await writeFile(join(folder, `${name}.1`), manPage(one, commands));
  }
  await rm(join(root, 'man'), { recursive: true, force: true });
  await rename(folder, join(root, 'man'));
}

async function loaded() {
  const folder = await mkdtemp(join(tmpdir(), 'jettison-flags-'));
  try {
    const source = join(folder, 'all.ts');
    const modules = ['commands', 'every-command', 'print/flag-tables', 'print/man-page'];
    const lines = modules.map(
      (name) => `export * from ${JSON.stringify(join(root, `src/cli/${name}.ts`))};\n`,
    );
    await writeFile(source, lines.join(''));
    const bundle = await rolldown({
      input: source,
      platform: 'node',
      external: [/^node:/, /^@koromix\//],
      checks: { ineffectiveDynamicImport: false },
      logLevel: 'warn',
    });
    const file = join(folder, 'all.mjs');
    await bundle.write({ file, format: 'esm', codeSplitting: false });
    await bundle.close();
    return await import(pathToFileURL(file).href);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
