// What it costs to look for secrets: time and peak memory of the first look at a layer of JETTISON_BENCH_MB megabytes (1000
// if unset) of program text and binary data, beside `tar -xO | wc -c` of the same tar, and of the next look, which reads no layer.
import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { CLI, timed, workspace } from './harness.mjs';

const MEGABYTES = Number(process.env.JETTISON_BENCH_MB ?? 1000);
/** Of a file. */
const FILE_MB = 10;

export default async function* secrets() {
  const space = workspace();
  const context = join(space.root, 'context');
  mkdirSync(join(context, 'data'), { recursive: true });
  const text = readFileSync(new URL('../node_modules/typescript/lib/typescript.js', import.meta.url));
  const binary = readFileSync(process.execPath);
  for (let at = 0; at * FILE_MB < MEGABYTES; at++) {
    const fd = openSync(join(context, 'data', `${at}.${at % 2 === 0 ? 'js' : 'bin'}`), 'w');
    const source = at % 2 === 0 ? text : binary;
    for (let left = FILE_MB * 1e6; left > 0; left -= source.length)
      writeSync(fd, source, 0, Math.min(left, source.length));
    closeSync(fd);
  }
  const archive = join(space.root, 'image.tar');
  space.write({ 'context/Dockerfile': 'FROM scratch\nCOPY data /data/\n' });
  space.jettison('build', '-q', '-o', `type=docker,compression=uncompressed,dest=${archive}`, context);
  const layers = JSON.parse(spawnSync('tar', ['-xOf', archive, 'manifest.json']).stdout)[0].Layers;
  const floor = timed(() => {
    const { status } = spawnSync('sh', ['-c', `tar -xOf ${archive} ${layers[0]} | tar -xO | wc -c`]);
    if (status !== 0) throw new Error('tar failed');
  });
  yield `tar -xO | wc -c of ${MEGABYTES} MB`.padEnd(40) + `${floor.toFixed(0)} ms`.padStart(9);
  rmSync(join(space.root, 'store'), { recursive: true });
  for (const look of ['first look', 'next look']) {
    let memory = '';
    const ms = timed(() => {
      const args = ['-e', MEASURED, CLI, 'secrets', `docker-archive:${archive}`];
      const { stderr, status } = spawnSync(process.execPath, args, { env: space.env, encoding: 'utf8' });
      if (status !== 0) throw new Error(stderr);
      memory = stderr.trim().split('\n').at(-1);
    });
    yield `jettison secrets, ${look}`.padEnd(40) +
      `${ms.toFixed(0)} ms`.padStart(9) +
      `   ${memory} MB at most`;
  }
}

/** Runs the command, and prints the most memory that it had. */
const MEASURED = `process.argv.splice(1, 0, process.execPath); process.argv.splice(0, 1); process.on('exit', () => process.stderr.write('\\n' + Math.round(process.resourceUsage().maxRSS / 1024))); require(process.argv[1]);`;
