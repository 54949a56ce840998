// `npm run structure`: what in the layout of src/ costs a reader time: base names that stand in two folders, files that
// are very short or very long, and runs of lines that stand twice. With `--check` it prints only what is not deliberate
// (the tables below say what is, and why), and exits 1 if there is any.
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SHORT = 20;
const LONG = 400;
const RUN = 8;

/** Folders with one file an entry of a table: the entry's name is given, and the folder says what the file is. */
const TABLES = [
  'cache/backends',
  'cli/commands',
  'cli/flags',
  'dockerfile/checks',
  'dockerfile/instructions',
  'export/types',
  'host/probes',
  'images/sources',
  'plan/checks',
  'solve/layers',
  'solve/steps',
];

/** Base names that stand twice on purpose, outside of the tables. */
const NAMES = {
  'main.ts': 'the entry of a program',
};

/** Short files that are an idea of their own. */
const SHORT_FILES = {
  'launch/capabilities.ts': 'a table',
};

/** Long files that are one thing. */
const LONG_FILES = {
  'worker/native.ts': 'every system call that Node lacks, in one place',
};

/** Runs that stand twice on purpose: `a.ts b.ts`. */
const RUNS = {};

const src = fileURLToPath(new URL('../src', import.meta.url));
const files = readdirSync(src, { recursive: true })
  .filter((path) => path.endsWith('.ts'))
  .toSorted();
const lines = new Map(
  files.map((path) => [path, readFileSync(join(src, path), 'utf8').trimEnd().split('\n')]),
);

const sections = [
  { title: 'Base names in several folders', rows: sameNames(), reasons: NAMES },
  { title: `Files under ${SHORT} lines`, rows: sized((count) => count < SHORT), reasons: SHORT_FILES },
  { title: `Files over ${LONG} lines`, rows: sized((count) => count > LONG), reasons: LONG_FILES },
  { title: `Identical runs of ${RUN} lines or more`, rows: sameRuns(), reasons: RUNS },
];
const isCheck = process.argv.includes('--check');
let open = 0;
for (const { title, rows, reasons } of sections) {
  const stale = Object.keys(reasons)
    .filter((name) => !rows.some((row) => row.name === name))
    .map((name) => ({ name, text: 'has a reason in scripts/structure.mjs, and needs none' }));
  const found = rows.filter(({ name }) => reasons[name] === undefined).concat(stale);
  open += found.length;
  const shown = isCheck ? found : rows.concat(stale);
  if (shown.length === 0) continue;
  console.log(`\n${title}`);
  for (const { name, text } of shown) {
    console.log(`  ${name}: ${text}${reasons[name] === undefined ? '' : ` (${reasons[name]})`}`);
  }
}
if (isCheck && open > 0) {
  console.log(`\nRename, merge or split these, or give the reason in scripts/structure.mjs.`);
  process.exitCode = 1;
}

function inTable(path) {
  return TABLES.includes(dirname(path));
}

function sameNames() {
  const folders = new Map();
  for (const path of files) {
    if (inTable(path)) continue;
    const name = basename(path);
    folders.set(name, [...(folders.get(name) ?? []), dirname(path)]);
  }
  return [...folders]
    .filter(([, where]) => where.length > 1)
    .map(([name, where]) => ({ name, text: where.join(', ') }));
}

function sized(matches) {
  return files
    .filter((path) => matches(lines.get(path).length) && !(inTable(path) && lines.get(path).length < SHORT))
    .map((name) => ({ name, text: `${lines.get(name).length} lines` }));
}

/** Pairs of places with the same text, longest first in each file; indentation and blank lines do not count. */
function sameRuns() {
  const texts = files.map((path) => ({
    path,
    text: lines
      .get(path)
      .map((line, index) => ({ line: line.trim(), number: index + 1 }))
      .filter(({ line }) => line !== ''),
  }));
  const seen = new Map();
  const rows = [];
  for (const [index, { path, text }] of texts.entries()) {
    for (let at = 0; at + RUN <= text.length; at++) {
      const key = text
        .slice(at, at + RUN)
        .map(({ line }) => line)
        .join('\n');
      const first = seen.get(key);
      if (first === undefined) {
        seen.set(key, { index, at });
        continue;
      }
      const other = texts[first.index];
      let length = RUN;
      while (
        text[at + length] !== undefined &&
        text[at + length].line === other.text[first.at + length]?.line
      )
        length++;
      const places = `lines ${other.text[first.at].number} and ${text[at].number}`;
      rows.push({ name: `${other.path} ${path}`, text: `${length} lines (${places})` });
      at += length - 1;
    }
  }
  return rows;
}
