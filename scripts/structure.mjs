// `npm run structure`: what in the layout of src/ costs a reader time: base names that stand in two folders, files that
// are very short or very long, and runs of lines that stand twice. With `--check` it prints only what is not deliberate
// (the tables below say what is, and why), and exits 1 if there is any.
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SHORT = 20;
const LONG = 400;
const RUN = 8;

/**
 * Folders with one file an entry of a table. The folder says what the file is, so its name may be that of another file,
 * and it may be short. `helpers` are the files that are not entries.
 */
const TABLES = {
  'advice/rules': { entry: 'a rule of advice' },
  'cache/backends': { entry: 'a type of --cache-to' },
  'cli/commands': { entry: 'a subcommand' },
  'cli/flags': { entry: 'the syntax of a flag', helpers: ['build-flags.ts', 'common.ts', 'run-flags.ts'] },
  'dockerfile/checks': {
    entry: 'a rule',
    helpers: ['check-options.ts', 'check-text.ts', 'define-check.ts', 'rule.ts'],
  },
  'dockerfile/instructions': { entry: 'an instruction', helpers: ['pairs.ts', 'read.ts'] },
  'export/types': { entry: 'a type of output' },
  'fleet/schemes': { entry: 'a scheme of addresses of builders' },
  'fleet/services': { entry: 'a service of a session' },
  'host/probes': { entry: 'a rung', helpers: ['probe.ts'] },
  'images/sources': { entry: 'a source of images' },
  'optimise/rewrites': { entry: 'a rewrite, or those that another table gives' },
  'plan/checks': { entry: 'a rule', helpers: ['define-plan-check.ts'] },
  'solve/layers': { entry: 'a kind of layer', helpers: ['damage.ts', 'recipe-file.ts'] },
  'init/frameworks': { entry: 'a framework', helpers: ['framework.ts', 'frameworks.ts'] },
  'init/languages': { entry: 'a language' },
  'inspect/catalogues': { entry: 'a place of packages', helpers: ['paragraphs.ts'] },
  versions: { entry: 'an order of versions', helpers: ['constraint.ts', 'interval.ts', 'orders.ts'] },
  'solve/steps': {
    entry: 'a kind of step',
    helpers: ['copy-solver.ts', 'op.ts', 'run-command.ts', 'run-mounts.ts'],
  },
};

/** Base names that stand twice on purpose, outside of the tables: the files, with a space between. */
const NAMES = {
  'build/session.ts explore/session.ts': 'of a build; of a terminal',
  'cli/main.ts worker/main.ts': 'the entry of a program',
  'errors/render.ts explore/render.ts': 'an error as text; the explorer as a screen',
  'events/model.ts report/page/model.ts': 'of a build as it is shown; of a report page',
  'layer/tree.ts report/page/tree.ts': 'a file system; the boxes of a page',
  'explore/keys.ts fields/keys.ts solve/keys.ts': 'of a keyboard; of `key=value`; of the cache',
  'explore/layout.ts image/layout.ts store/layout.ts': 'of a screen; of an OCI layout; of the store',
  'plan/run-mounts.ts solve/steps/run-mounts.ts': 'mounts of a RUN, planned; the same, solved',
};

/** Short files whose name is an idea that others import. */
const SHORT_FILES = {
  'cli/print/wrap.ts': 'long lines of help and doctor',
  'cli/replace-file.ts': 'for all commands that rewrite a file of the user',
  'version.ts': 'a test holds it equal to package.json',
  'context/layer-context.ts': 'a kind of context',
  'dockerfile/is-signal.ts': 'the names of signals',
  'dockerfile/suggest.ts': "Docker's limits for suggestions",
  'events/renderer.ts': 'an interface, one file a renderer',
  'explore/cursor.ts': 'a class of its own',
  'fields/shell-quote.ts': 'for sandboxes, completion and ssh',
  'fleet/named-builders.ts': 'for the command line, without the rest of the fleet',
  'fleet/schemes.ts': 'a table, one line a scheme',
  'forecast/proposals/proposals.ts': 'a table, one line a proposal',
  'init/compose-file.ts': 'one of the files that init writes',
  'inspect/inspection.ts': 'the type that all of inspect/ reads',
  'launch/capabilities.ts': 'a table',
  'layout/layout-files.ts': 'an interface with three implementations',
  'registry/url-login.ts': 'for registries, proxies, downloads and git',
  'attest/purl.ts': 'of subjects and of bases',
  'attest/request.ts': 'an option of the library',
  'sbom/license.ts': 'for both formats',
  'sbom/spdx-expression-parse.d.ts': 'types of a library that has none',
  'sbom/stable-id.ts': 'for both formats',
  'secrets/secret-kinds.ts': 'the table, made of its parts',
  'secrets/suspicious-names.ts': 'a rule that builds read',
  'solve/files-read.ts': 'what a step reads, for five readers',
  'solve/layers/recipe-file.ts': 'for recipes and stored layers',
  'store/forms.ts': 'the directory forms of a layer',
  'layer/make-folder.ts': 'for the store and for layouts',
  'store/touch.ts': 'for all that prune keeps by its time',
};

/** Long files that are one thing. */
const LONG_FILES = {
  'cli/flags/build-flags.ts': 'one table: an entry a flag of build',
  'explore/explorer.ts': 'one state, which every key changes',
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
  {
    title: `Files under ${SHORT} lines`,
    rows: sized((count, path) => count < SHORT && !isEntry(path)),
    reasons: SHORT_FILES,
  },
  { title: `Files over ${LONG} lines`, rows: sized((count) => count > LONG), reasons: LONG_FILES },
  { title: 'Tables', rows: staleTables(), reasons: {} },
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

/** Whether a file is an entry of a table. */
function isEntry(path) {
  const table = TABLES[dirname(path)];
  return table !== undefined && !table.helpers?.includes(basename(path));
}

function sameNames() {
  const places = new Map();
  for (const path of files) {
    if (isEntry(path)) continue;
    const name = basename(path);
    places.set(name, [...(places.get(name) ?? []), path]);
  }
  return [...places.values()]
    .filter((paths) => paths.length > 1)
    .map((paths) => ({ name: paths.join(' '), text: `${paths.length} files` }));
}

function sized(matches) {
  return files
    .filter((path) => matches(lines.get(path).length, path))
    .map((name) => ({ name, text: `${lines.get(name).length} lines` }));
}

/** Helpers that are gone, and folders. */
function staleTables() {
  return Object.entries(TABLES).flatMap(([folder, { helpers = [] }]) =>
    [...helpers.map((name) => `${folder}/${name}`), folder]
      .filter((path) => !files.some((file) => file === path || file.startsWith(`${path}/`)))
      .map((name) => ({ name, text: 'is named in scripts/structure.mjs, and not there' })),
  );
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
