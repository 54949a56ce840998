import { parseArgs } from 'node:util';
import { describe, expect, test, vi } from 'vitest';
import { commands } from '../../../src/cli/commands.ts';
import { dispatch } from '../../../src/cli/dispatch.ts';
import { fitted } from '../../../src/cli/help.ts';
import { fakeIo } from '../../support/fake-io.ts';

// Files before this one may have loaded what imports the module that is replaced.
vi.hoisted(() => vi.resetModules());
vi.mock('node:util', async (original) => {
  const module = await original<typeof import('node:util')>();
  return { ...module, parseArgs: vi.fn(module.parseArgs) };
});

const answer = async (...args: string[]) => {
  const { io, stdout, stderr } = fakeIo();
  return { code: await dispatch(args, io), stdout: stdout.text, stderr: stderr.text };
};

describe('help', () => {
  test.each([[], ...Object.keys(commands).map((name) => [name])])(
    'of %s fits 80 columns',
    async (...name) => {
      const { code, stdout } = await answer(...name.filter((one) => one !== undefined), '--help');
      expect(code).toBe(0);
      expect(stdout).toMatch(/^Usage: jettison/);
      for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
    },
  );

  test.each([
    ['base', 'host'],
    ['builder', 'prune'],
    ['cache-mounts', 'export'],
  ])('is there below %s %s', async (...command) => {
    expect(await answer(...command, '--help')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^Usage:/),
    });
  });

  // `debug` takes those of `build`, and says so.
  test.each([...Object.keys(commands).filter((name) => name !== 'debug'), 'builder prune', 'base host'])(
    'of %s has every flag that it takes',
    async (name) => {
      const words = name.split(' ');
      const { stdout } = await answer(...words, '--help');
      expect(stdout).toMatch(/^Usage:/);
      vi.mocked(parseArgs).mockClear();
      await answer(...words, '--no-such-flag');
      for (const [config] of vi.mocked(parseArgs).mock.calls) {
        for (const [flag, { short }] of Object.entries(config?.options ?? {})) {
          expect(stdout).toMatch(new RegExp(`(^|[ (\`])--${flag}\\b(?!-)`, 'm'));
          if (short !== undefined) expect(stdout).toMatch(new RegExp(`(^|[ (\`])-${short}\\b`, 'm'));
        }
      }
    },
  );

  test('goes on in the column of what it says', () => {
    expect(fitted('  -a, --all  one two three four, five six', 32)).toBe(
      '  -a, --all  one two three four,\n             five six',
    );
    expect(fitted('one two three four', 10)).toBe('one two\nthree four');
    expect(fitted('x'.repeat(30), 10)).toBe('x'.repeat(30));
  });
});

test.each(['scout', 'scan', 'sbom', 'dive'])('%s says what there is', async (name) => {
  const { code, stderr } = await answer(name);
  expect(code).toBe(2);
  expect(stderr).toMatch(/hint: .*`jettison (save|history)/);
});

test('version is a command', async () => {
  expect(await answer('version')).toMatchObject({ code: 0, stdout: (await answer('--version')).stdout });
});

test('a name that is none is followed by the nearest that is', async () => {
  for (const [wrong, right] of [
    ['BAD NAME', 'bad-name'],
    ['Team/My App:v 1', 'team/my-app:v-1'],
    ['_x_', 'x'],
  ] as const) {
    expect((await answer('build', '-t', wrong, '.')).stderr).toContain(right);
  }
});
