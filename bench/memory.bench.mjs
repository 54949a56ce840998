// Peak memory of control and of the worker with a large layer: it must not grow with the layer. The layer has
// 300 MB, or as many as JETTISON_BENCH_MB says; half of it can be compressed. Where JETTISON_BENCH_REGISTRY names a
// registry it is pushed there and pulled from there, too.
import { randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { CLI, workspace } from './harness.mjs';
import { peakMemory } from './peak-memory.mjs';

const MEGABYTES = Number(process.env.JETTISON_BENCH_MB ?? 300);
const REGISTRY = process.env.JETTISON_BENCH_REGISTRY;

export default async function* memory() {
  const space = workspace();
  const files = join(space.root, 'context');
  mkdirSync(files);
  writeLarge(join(files, 'large'), MEGABYTES);
  space.write({ 'context/Dockerfile': 'FROM scratch\nCOPY large /\n' });
  const archive = join(space.root, 'large.tar');
  const other = { ...space.env, JETTISON_HOME: join(space.root, 'other') };
  yield `${MEGABYTES} MB in one layer`;
  yield await peaks('build: read, pack and compress', space.env, ['build', '-q', '-t', 'large', files]);
  yield await peaks('build -o type=oci', space.env, ['build', '-q', '-o', `type=oci,dest=${archive}`, files]);
  if (REGISTRY) {
    const name = `${REGISTRY}/bench/memory-${process.pid}:1`;
    const third = { ...space.env, JETTISON_HOME: join(space.root, 'third') };
    space.jettison('tag', 'large', name);
    yield await peaks('push', space.env, ['push', '-q', name]);
    yield await peaks('pull', third, ['pull', '-q', name]);
    rmSync(third.JETTISON_HOME, { recursive: true });
  }
  rmSync(join(files, 'large'));
  yield await peaks('load the archive', other, ['load', '-q', '-i', archive]);
  rmSync(archive);
  space.write({ 'again/Dockerfile': 'FROM large\nCOPY Dockerfile /\n' });
  yield await peaks('unpack, and look into it', space.env, [
    'build',
    '-q',
    '-o',
    join(space.root, 'files'),
    join(space.root, 'again'),
  ]);
}

function writeLarge(path, megabytes) {
  const fd = openSync(path, 'w');
  for (let i = 0; i < megabytes; i++) {
    writeSync(fd, randomBytes(1 << 19));
    writeSync(fd, Buffer.alloc(1 << 19, `line ${i}\n`));
  }
  closeSync(fd);
}

/** Runs the command, and says the peak memory of its processes. */
async function peaks(name, env, args) {
  const { own, child, seconds } = await peakMemory(process.execPath, [CLI, ...args], env);
  const worker = child === 0 ? 'none' : `${child} MB`;
  return `${name.padEnd(40)} control ${own} MB, worker ${worker}  (${seconds.toFixed(1)} s)`;
}
