import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { CLI, TestBuilds } from '../support/build.ts';
import { whyNoSandbox } from '../support/sandbox.ts';

/** Writes which native modules a Node process has mapped when it ends: its program first, then a path a line. */
const HOOK = `const fs = require('node:fs');
process.on('exit', () => {
  const lines = fs.readFileSync('/proc/self/maps', 'utf8').split('\\n');
  const native = new Set(lines.map((line) => line.slice(line.indexOf('/'))).filter((path) => /\\.node$/.test(path)));
  fs.writeFileSync(process.env.JETTISON_TEST_MAPS + '/' + process.pid, [process.argv[1] ?? '', ...native].join('\\n'));
});
`;

describe('the process that is started maps no native code:', () => {
  let builds: TestBuilds;
  let maps: string;
  let hook: string;
  beforeAll(async () => {
    if (whyNoSandbox() !== undefined) return;
    builds = await TestBuilds.create({});
    builds.write({ Dockerfile: 'FROM base\nCOPY Dockerfile /\nRUN cat Dockerfile >copy\n' });
    builds.write({ 'failing/Dockerfile': 'FROM base\nRUN exit 3\n' });
    maps = join(builds.folder, 'maps');
    hook = join(builds.folder, 'hook.cjs');
    writeFileSync(hook, HOOK);
  });
  beforeEach((ctx) => {
    const why = whyNoSandbox();
    if (why !== undefined) ctx.skip(why);
    rmSync(maps, { recursive: true, force: true });
    mkdirSync(maps);
  });
  afterAll(() => builds?.remove());

  /** What processes have mapped that are the command, and how many there were. */
  function mapped(isOurs: (program: string) => boolean) {
    const processes = readdirSync(maps).map((pid) => readFileSync(join(maps, pid), 'utf8').split('\n'));
    const ours = processes.filter(([program]) => isOurs(program!));
    return { count: ours.length, native: ours.flatMap(([, ...paths]) => paths) };
  }

  async function nativeOf(...args: string[]) {
    const env = { NODE_OPTIONS: `--require=${hook}`, JETTISON_TEST_MAPS: maps };
    const ended = await builds.run(args, { cwd: builds.context, env });
    return { ...ended, ...mapped((program) => program.endsWith('/dist/cli.js')) };
  }

  test('(the check finds native code in a process that has it)', () => {
    const env = { ...process.env, JETTISON_TEST_MAPS: maps };
    spawnSync(process.execPath, ['--require', hook, '-e', 'require("koffi")'], { env, cwd: dirname(CLI) });
    expect(mapped(() => true)).toEqual({ count: 1, native: [expect.stringMatching(/koffi.*\.node$/)] });
  });

  test('a first build, in which the rungs are tried', async () => {
    rmSync(builds.store.layout.rungs, { force: true });
    const { code, err, count, native } = await nativeOf('build', '--progress=plain', '-t', 'app', '.');
    expect({ code, count, native }, err).toEqual({ code: 0, count: 1, native: [] });
    expect(existsSync(builds.store.layout.rungs)).toBe(true);
  });

  test.each<[code: number, ...args: string[]]>([
    [0, 'build', '--no-cache', '.'],
    [0, 'build', '-o', 'type=tar,dest=../files.tar', '.'],
    [0, 'build', '-o', '../files', '.'],
    [1, 'build', 'failing'],
    [0, 'debug', '-c', 'true', 'failing'],
    [0, 'run', 'app', 'cat', '/copy'],
    [0, 'run', '-d', '--name', 'behind', 'app', 'sleep', '1000'],
    [0, 'exec', 'behind', 'true'],
    [0, 'logs', 'behind'],
    [0, 'ps'],
    [0, 'kill', 'behind'],
    [0, 'rm', '-f', 'behind'],
    [0, 'context', 'ls', '.'],
    [0, 'lint', '--fail-on', 'none', 'Dockerfile'],
    [0, 'images'],
    [0, 'history', 'app'],
    [0, 'inspect', 'app'],
    [0, 'save', '-o', '../app.tar', 'app'],
    [0, 'load', '-i', '../app.tar'],
    [0, 'du'],
    [0, 'doctor'],
    [0, 'doctor', '--store'],
    [0, 'cache-mounts', 'ls'],
    [0, 'prune', '--force'],
    [0, 'builder', 'prune', '--force'],
  ])('%i %s %s %s %s', async (wanted, ...args) => {
    const { code, err, out, count, native } = await nativeOf(...args);
    expect({ code, native }, err + out).toEqual({ code: wanted, native: [] });
    expect(count).toBeGreaterThan(0);
  });
});
