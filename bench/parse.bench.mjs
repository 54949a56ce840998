// Parsing and planning a long Dockerfile, and matching many paths against ignore patterns: first in a process
// that has not done it before, as a build does it, then again in the same one.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { rolldown } from 'rolldown';
import { line, measure } from './harness.mjs';

const LINES = 2000;
const PATHS = 100_000;
const PATTERNS = 50;
const src = (path) => fileURLToPath(new URL(`../src/${path}`, import.meta.url));
const ENTRY = `
export { parseDockerfile } from ${JSON.stringify(src('dockerfile/parse.ts'))};
export { planBuild } from ${JSON.stringify(src('plan/planner.ts'))};
export { parseIgnore } from ${JSON.stringify(src('context/ignore.ts'))};
`;

export default async function* run() {
  const folder = mkdtempSync(join(tmpdir(), 'jettison-bench-'));
  try {
    const entry = join(folder, 'entry.ts');
    writeFileSync(entry, ENTRY);
    const bundle = await rolldown({ input: { core: entry }, platform: 'node', logLevel: 'silent' });
    await bundle.write({ dir: folder, format: 'esm', entryFileNames: '[name].mjs' });
    await bundle.close();
    const core = pathToFileURL(join(folder, 'core.mjs')).href;
    for (const [name, prepare] of Object.entries(worksOf(await import(core)))) {
      yield line(`${name}, first time`, colds(core, name));
      yield line(`${name}, again`, measure(9, prepare()));
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Times of a work that each ran in a process of its own, in milliseconds, sorted. */
function colds(core, name) {
  const program = `
    import * as core from ${JSON.stringify(core)};
    import { worksOf } from ${JSON.stringify(import.meta.url)};
    const work = worksOf(core)[${JSON.stringify(name)}]();
    const start = process.hrtime.bigint();
    work();
    console.log(Number(process.hrtime.bigint() - start) / 1e6);
  `;
  const once = () => {
    const { stdout, stderr, status } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(stderr);
    return Number(stdout);
  };
  return Array.from({ length: 5 }, once).sort((a, b) => a - b);
}

/** What is measured, by name: each gives the work when it has made what the work needs. */
export function worksOf({ parseDockerfile, planBuild, parseIgnore }) {
  const platform = { os: 'linux', architecture: 'amd64' };
  return {
    [`parse and plan ${LINES} lines`]: () => {
      const text = dockerfile();
      return () => {
        const result = planBuild({
          dockerfile: parseDockerfile(text, 'Dockerfile'),
          buildArgs: {},
          labels: {},
          platform,
          buildPlatform: platform,
          network: 'host',
          images: new Map(),
        });
        if (result.kind !== 'plan' || result.plan.stages.length < 100) throw new Error('not planned');
      };
    },
    [`match ${PATHS} paths against ${PATTERNS} patterns`]: () => {
      const patterns = ignoreFile();
      const paths = pathsOfProject();
      return () => {
        const rules = parseIgnore(patterns, '.dockerignore');
        let excluded = 0;
        for (const path of paths) if (rules.excludes(path)) excluded++;
        if (excluded === 0 || excluded === paths.length) throw new Error('nothing to match');
      };
    },
  };
}

/** Stages of every kind of instruction, most of them built on the one before; the last one needs them all. */
function dockerfile() {
  const lines = ['ARG VERSION=1', 'FROM scratch AS s0'];
  let stages = 0;
  for (; lines.length < LINES - 45; stages++) {
    const stage = stages;
    if (stage > 0)
      lines.push(stage % 4 === 0 ? `FROM scratch AS s${stage}` : `FROM s${stage - 1} AS s${stage}`);
    lines.push(
      `ARG VERSION=\${VERSION:-${stage}}`,
      `ENV STAGE_${stage}=\${VERSION%%-*} PATH=/opt/${stage}/bin:$PATH`,
      `LABEL stage.${stage}="number $STAGE_${stage}"`,
      `WORKDIR /app/${stage}`,
      `COPY --chown=1000:1000 package.json src/${stage}/*.js ./`,
      'RUN npm ci \\',
      '    # a comment inside',
      '    --omit=dev && \\',
      `    node build.js "$STAGE_${stage}"`,
      `COPY <<EOF /etc/conf.d/${stage}`,
      'value=${VERSION}',
      'EOF',
      `USER app${stage}`,
      `EXPOSE ${8000 + stage}`,
    );
  }
  for (let stage = 3; stage < stages - 1; stage += 4)
    lines.push(`COPY --from=${stage} /app/${stage} /app/${stage}`);
  lines.push('CMD ["node", "server.js"]');
  return `${lines.join('\n')}\n`;
}

function ignoreFile() {
  const patterns = [
    'node_modules',
    '**/*.log',
    '!keep.log',
    '.git',
    'dist',
    '**/__tests__',
    '*.md',
    '!README.md',
  ];
  while (patterns.length < PATTERNS) {
    const n = patterns.length;
    patterns.push(
      [`packages/p${n}/tmp`, `**/cache${n}/*.bin`, `docs/**/v${n}?.html`, `!packages/p${n}/src/[a-f]*`][
        n % 4
      ],
    );
  }
  return patterns.join('\n');
}

function pathsOfProject() {
  const extensions = ['ts', 'js', 'log', 'md', 'bin', 'html'];
  return Array.from({ length: PATHS }, (_, n) => {
    const folder = `packages/p${n % 60}/${['src', 'lib', 'tmp', `cache${n % 50}`, '__tests__'][n % 5]}`;
    return `${folder}/d${n % 97}/file${n}.${extensions[n % 6]}`;
  });
}
