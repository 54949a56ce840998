import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { commands } from '../../src/cli/commands.ts';
import { everyCommand } from '../../src/cli/every-command.ts';
import { tempDir } from '../support/temp-dir.ts';
import { sample } from '../support/thorough.ts';

const CLI = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));

/** A machine on which `jettison` is on PATH, with one image in its store. */
const folder = tempDir();
mkdirSync(join(folder, 'bin'));
symlinkSync(CLI, join(folder, 'bin', 'jettison'));
writeFileSync(join(folder, 'Dockerfile'), 'FROM scratch\nCOPY Dockerfile /\n');
const env = {
  ...process.env,
  PATH: `${join(folder, 'bin')}:${process.env['PATH']}`,
  JETTISON_HOME: join(folder, 'store'),
};

function run(program: string, ...args: string[]) {
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd: folder, env, encoding: 'utf8' });
  if (error !== undefined) throw error;
  return { status, stdout, stderr };
}

const isThere = (program: string) =>
  spawnSync(program, ['--version'], { stdio: 'ignore' }).error === undefined;

const LINES: [line: string, offered: string[]][] = [
  ['jettison bui', ['build', 'builder', 'builds']],
  ['jettison builder ', ['check', 'inspect', 'ls', 'prune']],
  ['jettison builder prune --k', ['--keep-storage']],
  ['jettison images --dig', ['--digests']],
  ['jettison build --progress ', ['auto', 'github', 'plain', 'quiet', 'rawjson', 'tty']],
  ['jettison run --pull ', ['always', 'missing', 'never']],
  ['jettison completion ', ['bash', 'fish', 'zsh']],
  ['jettison build -f Dock', ['Dockerfile']],
  ['jettison history sa', ['sample:1']],
  ['jettison debug --isol', ['--isolation']],
];

describe('jettison completion', () => {
  it('offers commands, flags, values, files and names in bash', () => {
    expect(run('jettison', 'build', '-q', '-t', 'sample:1', '.')).toMatchObject({ status: 0 });
    for (const [line, offered] of [
      ...sample(LINES, 3),
      ['jettison build --progress=r', ['rawjson']],
      ['jettison build -o type=o', ['oci']],
      ['jettison history sample:', ['1']],
      ['jettison rm ', []],
      ['jettison run sample:1 --pu', []],
    ] as typeof LINES) {
      const script = `source <(jettison completion bash); COMP_LINE=$1; COMP_POINT=\${#1}; _jettison; printf '%s\\n' "\${COMPREPLY[@]}"`;
      const { stdout } = run('bash', '--norc', '-c', script, 'bash', line);
      expect(stdout.split('\n').filter(Boolean).sort(), line).toEqual(offered);
    }
  });

  it('offers the same in fish', (ctx) => {
    if (!isThere('fish')) return ctx.skip('fish is not installed');
    run('jettison', 'build', '-q', '-t', 'sample:1', '.');
    for (const [line, offered] of sample(LINES, 3)) {
      const script = `jettison completion fish | source; complete -C '${line}'`;
      const { stdout } = run('fish', '--no-config', '-c', script);
      const words = stdout.split('\n').map((text) => text.split('\t')[0]!);
      expect(words.filter(Boolean).sort(), line).toEqual(offered);
    }
  });

  it('is a function of every command in zsh', async (ctx) => {
    if (!isThere('zsh')) return ctx.skip('zsh is not installed');
    const script =
      'autoload -U compinit; compinit -u -D; source <(jettison completion zsh); print $_comps[jettison]; functions _jettison';
    const { status, stdout, stderr } = run('zsh', '-f', '-c', script);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/^_jettison\n/);
    for (const { name, command } of await everyCommand(commands)) {
      expect(stdout).toContain(name);
      for (const flag of Object.keys(command.flags ?? {})) expect(stdout).toContain(`--${flag}`);
    }
  });

  it('rejects other shells', () => {
    const { status, stderr } = run('jettison', 'completion', 'tcsh');
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr: 'error: unknown shell "tcsh"\nhint: The shells are bash, zsh, fish.\n',
    });
  });
});
