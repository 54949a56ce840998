import { describe, expect, test } from 'vitest';
import { commands } from '../../../src/cli/commands.ts';
import { dispatch } from '../../../src/cli/dispatch.ts';
import { everyCommand } from '../../../src/cli/every-command.ts';
import { helpText } from '../../../src/cli/help.ts';
import { fakeIo } from '../../support/fake-io.ts';

const answer = async (...args: string[]) => {
  const { io, stdout, stderr } = fakeIo();
  return { code: await dispatch(args, io), stdout: stdout.text, stderr: stderr.text };
};

describe('help', () => {
  test('fits 80 columns', async () => {
    for (const name of ['', ...(await everyCommand(commands)).map((one) => one.name)]) {
      const { code, stdout } = await answer(...name.split(' ').filter((word) => word !== ''), '--help');
      expect(code).toBe(0);
      expect(stdout).toMatch(/^Usage: jettison/);
      for (const line of stdout.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80);
    }
  });

  test('of subcommands has their own usage', async () => {
    for (const { name } of await everyCommand(commands)) {
      for (const words of [
        [...name.split(' '), '--help'],
        ['help', ...name.split(' ')],
      ]) {
        expect(await answer(...words)).toMatchObject({
          code: 0,
          stdout: expect.stringMatching(new RegExp(`^Usage: jettison ${name}\\b`)),
        });
      }
    }
  });

  test('has every flag, its short name and its value', async () => {
    for (const { name, command } of await everyCommand(commands)) {
      const { stdout } = await answer(...name.split(' '), '--help');
      for (const [flag, { short, value = '', bare }] of Object.entries(command.flags ?? {})) {
        const text = bare === undefined ? ` ${value}` : `[=${value}]`;
        const form = `${short === undefined ? '' : `-${short}, `}--${flag}${value === '' ? '' : text}`;
        expect(stdout).toMatch(new RegExp(`^ +${form.replace(/[^\w ]/g, '\\$&')}( |$)`, 'm'));
      }
    }
  });

  test('goes on in the column of a text', () => {
    const flags = {
      all: { short: 'a', help: 'one two three four five six seven eight nine ten eleven twelve thirteen' },
      'a-flag-with-a-long-name': { value: 'NAME', help: 'below' },
    };
    expect(helpText({ usage: 'jettison x', about: 'Tests.', flags })).toBe(`Usage: jettison x

Tests.

Options:
      --a-flag-with-a-long-name NAME
             below
  -a, --all  one two three four five six seven eight nine ten eleven twelve
             thirteen
`);
  });
});

test.each(['scout', 'dive', 'gitleaks', 'nixpacks', 'pack'])(
  '%s is an unknown command, with a hint',
  async (name) => {
    const { code, stderr } = await answer(name);
    expect(code).toBe(2);
    expect(stderr).toMatch(/hint: .*`jettison (scan|explore|secrets|init)/);
  },
);

test('version is a command', async () => {
  expect(await answer('version')).toMatchObject({ code: 0, stdout: (await answer('--version')).stdout });
});

test('suggests a valid name for an invalid image name', async () => {
  for (const [wrong, right] of [
    ['BAD NAME', 'bad-name'],
    ['Team/My App:v 1', 'team/my-app:v-1'],
    ['_x_', 'x'],
  ] as const) {
    expect((await answer('build', '-t', wrong, '.')).stderr).toContain(right);
  }
});
