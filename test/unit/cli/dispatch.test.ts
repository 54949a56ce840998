import { readFile } from 'node:fs/promises';
import { describe, expect, test, vi } from 'vitest';
import { type Command, defineCommand } from '../../../src/cli/command.ts';
import { commands } from '../../../src/cli/commands.ts';
import { dispatch } from '../../../src/cli/dispatch.ts';
import { bytes } from '../../../src/cli/flags/limits.ts';
import { JettisonError } from '../../../src/errors/error.ts';
import { VERSION } from '../../../src/version.ts';
import { fakeIo } from '../../support/fake-io.ts';

/** Runs a command line in which `probe` is the given command. */
async function run(argv: string[], probe?: Partial<Command>, io = fakeIo()) {
  const starting = vi.fn();
  const command: Command = {
    usage: 'jettison probe [--dry-run]',
    about: 'Tests.',
    run: async () => 0,
    ...probe,
  };
  commands['probe'] = { summary: 'A test', load: async () => ({ command }) };
  try {
    const code = await dispatch(argv, io.io, starting);
    return { code, out: io.stdout.text, err: io.stderr.text, starting };
  } finally {
    delete commands['probe'];
  }
}

describe('without a command', () => {
  test.each([[[]], [['--help']], [['-h']], [['help']]])('%j prints the overview', async (argv) => {
    const { code, out, err } = await run(argv);
    expect(code).toBe(0);
    expect(out).toContain('Usage: jettison COMMAND');
    expect(out).toMatch(/^ {2}build +Build an image/m);
    expect(err).toBe('');
  });

  test.each([[['--version']], [['-v']]])('%j prints the version', async (argv) => {
    expect(await run(argv)).toMatchObject({ code: 0, out: `${VERSION}\n`, err: '' });
  });

  test('the version is that of package.json', async () => {
    const manifest = JSON.parse(await readFile(new URL('../../../package.json', import.meta.url), 'utf8'));
    expect(VERSION).toBe(manifest.version);
  });
});

describe('a command', () => {
  test('gets its arguments and gives its exit code', async () => {
    const probe = vi.fn(async () => 7);
    const { code, starting } = await run(['probe', '-x', 'y'], { run: probe });
    expect(code).toBe(7);
    expect(probe).toHaveBeenCalledWith(['-x', 'y'], expect.anything());
    expect(starting).toHaveBeenCalledOnce();
  });

  test.each([[['probe', '--help']], [['probe', '--dry-run', '--help']], [['help', 'probe']]])(
    '%j prints its help without running it',
    async (argv) => {
      const probe = vi.fn(async () => 0);
      const { code, out, starting } = await run(argv, { run: probe });
      expect({ code, out }).toEqual({ code: 0, out: 'Usage: jettison probe [--dry-run]\n\nTests.\n' });
      expect(probe).not.toHaveBeenCalled();
      expect(starting).not.toHaveBeenCalled();
    },
  );

  test('passes on a --help that is meant for another program', async () => {
    const probe = vi.fn(async () => 0);
    await run(['probe', 'image', '--help'], { run: probe });
    await run(['probe', '--', '--help'], { run: probe });
    expect(probe).toHaveBeenCalledTimes(2);
  });

  test('every one has a module with a help text that begins with its usage', async () => {
    for (const [name, { summary, load }] of Object.entries(commands)) {
      const { command } = await load();
      expect(command.usage).toMatch(new RegExp(`^jettison ${name}\\b`));
      expect(command.about).toMatch(/^[A-Z].*\.$/s);
      expect(summary).toMatch(/^[A-Z].*[^.]$/);
    }
    // All modules of the program are loaded for it.
  });
});

describe('a wrong command line', () => {
  test('an unknown command names the nearest', async () => {
    expect(await run(['biuld'])).toMatchObject({
      code: 2,
      out: '',
      err: 'error: unknown command "biuld"\nhint: Did you mean `jettison build`?\n',
    });
  });

  test('an unknown command that is like none', async () => {
    expect((await run(['frobnicate'])).err).toContain('hint: See `jettison --help`.');
    expect((await run(['constructor'])).code).toBe(2);
  });

  test('a flag before the command', async () => {
    expect((await run(['--quick'])).err).toContain('unknown option --quick before a command');
  });

  const { run: parsing } = defineCommand({
    usage: 'jettison probe [OPTIONS] [FILE]',
    about: 'Tests.',
    flags: {
      'dry-run': { short: 'd', help: 'Do nothing' },
      name: { short: 'n', value: 'NAME', help: 'A name', values: ['a', 'b'] },
      size: { value: 'SIZE', help: 'A size', parse: bytes },
    },
    run: async () => 0,
  });

  test.each([
    [['--dry-rum'], 'unknown option --dry-rum', 'Did you mean --dry-run?'],
    [['-x'], 'unknown option -x', 'Usage: jettison probe [OPTIONS] [FILE]'],
    [['a', 'b'], 'unexpected argument "b"', 'Usage: jettison probe [OPTIONS] [FILE]'],
    [['--name'], '-n, --name has no value', 'Usage: jettison probe [OPTIONS] [FILE]'],
    [['-n', '-d'], '-n, --name has no value: "-d" looks like a flag', 'Write --name=-d if it is the value.'],
    [['-nc'], 'invalid --name "c"', 'The values are a and b.'],
    [['--dry-run=maybe'], 'invalid --dry-run "maybe"', 'Write --dry-run, --dry-run=true or --dry-run=false.'],
    [['--size', 'big'], '--size: invalid size "big"', 'Write e.g. 512m or 2g.'],
  ])('%j', async (args, message, hint) => {
    const { code, err } = await run(['probe', ...args], { run: parsing });
    expect(err).toBe(`error: ${message}\nhint: ${hint}\n`);
    expect(code).toBe(2);
  });
});

describe('errors of a command', () => {
  const throwing = (error: unknown) => ({ run: () => Promise.reject(error) });

  test('a JettisonError is shown and gives the exit code', async () => {
    const error = new JettisonError('X', 'it went wrong', { exitCode: 3 });
    expect(await run(['probe'], throwing(error))).toMatchObject({ code: 3, err: 'error: it went wrong\n' });
  });

  test('reports a full disk without a stack trace', async () => {
    const error = Object.assign(new Error('ENOSPC'), { code: 'ENOSPC', syscall: 'write' });
    const { code, err } = await run(['probe'], throwing(error));
    expect(code).toBe(1);
    expect(err).toMatch(/^error: no space left on the disk of the store, .*\nhint: /);
    expect(err).not.toContain('    at ');
  });

  test('a bug shows its stack', async () => {
    const { code, err } = await run(['probe'], throwing(new TypeError('oops')));
    expect(code).toBe(1);
    expect(err).toContain('TypeError: oops\n    at ');
  });

  test('JETTISON_DEBUG shows the stack of any error', async () => {
    const io = fakeIo({ env: { JETTISON_DEBUG: '1' } });
    const { err } = await run(['probe'], throwing(new JettisonError('X', 'no')), io);
    expect(err).toContain('    at ');
  });

  test('after an interruption is not shown, and the exit code is 130', async () => {
    const io = fakeIo({ signal: AbortSignal.abort() });
    expect(await run(['probe'], throwing(new Error('aborted')), io)).toMatchObject({
      code: 130,
      err: 'error: interrupted\n',
    });
  });
});
