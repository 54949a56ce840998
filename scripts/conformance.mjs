// Builds the cases of test/conformance/ with Jettison and with a Docker engine, and compares the images.
//   npm run conformance [-- [--verbose] [--fresh] [--json] [--jobs N] [PATTERN…]]
// A PATTERN is a part of cases' names. Environment:
//   JETTISON_PEER_DOCKER    the docker command of the reference, e.g. "docker -H unix:///run/docker.sock"
//   JETTISON_COMMAND        what to compare with it instead of dist/cli.js
// Exit codes: 0 all equal, 1 differences, 2 wrong flags, 3 nothing to compare with.
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readCases } from '../test/conformance/harness/case-file.mjs';
import { Engine } from '../test/conformance/harness/engine.mjs';
import { Jettison } from '../test/conformance/harness/jettison.mjs';
import { judge } from '../test/conformance/harness/judge.mjs';
import { serve } from '../test/conformance/harness/server.mjs';

/** The cases are written for the Dockerfile language as this one has it. */
const OLDEST_ENGINE = 28;

const here = (path) => new URL(`../${path}`, import.meta.url).pathname;
const words = (text) => text.split(' ').filter(Boolean);

const { values: flags, positionals: patterns } = parseArgs({
  options: {
    verbose: { type: 'boolean', short: 'v' },
    fresh: { type: 'boolean' },
    json: { type: 'boolean' },
    jobs: { type: 'string', default: String(Math.max(2, cpus().length)) },
  },
  allowPositionals: true,
});

process.exitCode = await main();

async function main() {
  const chosen = readCases(here('test/conformance/cases')).filter(
    ({ name }) => patterns.length === 0 || patterns.some((pattern) => name.includes(pattern)),
  );
  const engine = new Engine(words(process.env.JETTISON_PEER_DOCKER ?? 'docker'));
  const version = await engine.version().catch(() => undefined);
  if (version === undefined) return missing('no Docker engine answers: set JETTISON_PEER_DOCKER');
  if (Number.parseInt(version, 10) < OLDEST_ENGINE) {
    return missing(`Docker ${version} is too old to compare with: it takes ${OLDEST_ENGINE} or newer`);
  }
  const busybox = staticBusybox();
  if (busybox === undefined) return missing('no statically linked busybox on the PATH');

  const folder = mkdtempSync(join(tmpdir(), 'jettison-conformance-'));
  const { cases, close } = await serve(chosen, join(folder, 'http'));
  try {
    mkdirSync(join(folder, 'bases'));
    copyFileSync(busybox, join(folder, 'bases', 'busybox'));
    const bases = await engine.makeBases(here('test/conformance/bases'), join(folder, 'bases'));
    const jobs = Number(flags.jobs);
    const reference = await engine.build(cases, { folder: join(folder, 'docker'), jobs, fresh: flags.fresh });

    const command = process.env.JETTISON_COMMAND;
    const argv = command ? words(command) : [process.execPath, here('dist/cli.js')];
    const jettison = new Jettison(argv, join(folder, 'home'));
    await jettison.load(bases);
    const count = { same: 0, expected: 0, different: 0 };
    await jettison.build(cases, { folder: join(folder, 'jettison'), jobs }, (one, ours) => {
      const verdict = judge(one, reference.get(one.name), ours);
      count[verdict.kind]++;
      report(one, verdict);
    });
    if (!flags.json) {
      const { same, expected, different } = count;
      console.log(
        `${cases.length} cases against Docker ${version}: ${same} same, ${expected} as expected, ${different} different`,
      );
    }
    return count.different === 0 ? 0 : 1;
  } finally {
    close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function report(one, { kind, lines, messages }) {
  if (flags.json) {
    console.log(JSON.stringify({ name: one.name, kind, lines, messages }));
    return;
  }
  const mark = { same: 'ok  ', expected: 'ok* ', different: 'DIFF' }[kind];
  console.log(`${mark} ${one.name}${kind === 'expected' ? ` (${one.expect.reason})` : ''}`);
  for (const line of [...lines, ...(flags.verbose ? messages : [])]) {
    console.log(line.replace(/^/gm, '       '));
  }
}

function missing(reason) {
  console.error(reason);
  return 3;
}

/** Cases run their commands with it, in images that have nothing else. */
function staticBusybox() {
  const path = spawnSync('sh', ['-c', 'command -v busybox']).stdout.toString().trim();
  if (path === '') return undefined;
  const libraries = spawnSync('ldd', [path]);
  return libraries.status === 0 && libraries.stdout.includes('=>') ? undefined : path;
}
