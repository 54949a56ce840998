import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { explore } from '../../../src/explore/session.ts';
import { explorerOf } from '../../support/explored.ts';
import { Screen } from '../../support/fake-io.ts';
import { eventually } from '../../support/sandbox.ts';

const ENTER = '\x1b[?1049h';
const LEAVE = '\x1b[?25h\x1b[?1049l';

function open(change: (explorer: ReturnType<typeof explorerOf>) => void = () => {}) {
  const explorer = explorerOf([{ a: '1', b: '2' }]);
  change(explorer);
  const raw: boolean[] = [];
  const input = Object.assign(new PassThrough(), { setRawMode: (on: boolean) => raw.push(on) });
  const output = new Screen({ columns: 80, rows: 24 });
  const interruption = new AbortController();
  const ended = explore(explorer, {
    ...{ terminal: { input, output }, color: true, ascii: false, cwd: '/nowhere' },
    signal: interruption.signal,
  });
  // Looked at later.
  ended.catch(() => {});
  return { explorer, input, output, raw, interruption, ended };
}

const listeners = () => ['exit', 'SIGCONT', 'SIGHUP', 'SIGQUIT'].map((name) => process.listenerCount(name));

describe('the terminal is set back', () => {
  test.each(['q', '\x03'])('by the key %j', async (key) => {
    const before = listeners();
    const { input, output, raw, ended } = open();
    expect(output.text).toContain(ENTER);
    expect(raw).toEqual([true]);
    input.write(key);
    await ended;
    expect(output.text.endsWith(LEAVE)).toBe(true);
    expect(raw).toEqual([true, false]);
    expect(listeners()).toEqual(before);
  });

  test('when the input ends', async () => {
    const { input, output, ended } = open();
    input.end();
    await ended;
    expect(output.text.endsWith(LEAVE)).toBe(true);
  });

  test('by an interruption, whose reason is thrown', async () => {
    const { output, raw, interruption, ended } = open();
    interruption.abort(new Error('interrupted by SIGTERM'));
    await expect(ended).rejects.toThrow('interrupted by SIGTERM');
    expect(output.text.endsWith(LEAVE)).toBe(true);
    expect(raw).toEqual([true, false]);
  });

  test('by an error of our own, before it is thrown', async () => {
    const before = listeners();
    const { input, output, raw, ended } = open((explorer) => {
      explorer.press = () => {
        throw new Error('a bug');
      };
    });
    input.write('j');
    await expect(ended).rejects.toThrow('a bug');
    expect(output.text.endsWith(LEAVE)).toBe(true);
    expect(raw).toEqual([true, false]);
    expect(listeners()).toEqual(before);
  });
});

test('a file that cannot be read is told, and nothing ends', async () => {
  const { explorer, input, output, ended } = open();
  input.write('\tv');
  await eventually('it is told', () => explorer.message?.isError === true);
  expect(explorer.message?.text).toContain('has no file with the digest');
  expect(explorer.busy).toBeUndefined();
  input.write('eq');
  input.write('\x15/proc/none/x\r');
  await eventually(
    'it is told',
    () => explorer.message?.text.startsWith('cannot save /proc/none/x') === true,
  );
  input.write('q');
  await ended;
  expect(output.text.endsWith(LEAVE)).toBe(true);
});

test('a lone ESC is a key after a moment, the beginning of a sequence is not', async () => {
  const { explorer, input, ended } = open();
  input.write('\t/b');
  input.write('\x1b');
  await eventually('the filter is gone', () => explorer.filters.files === '');
  input.write('\x1b');
  input.write('[B');
  await eventually('the cursor moved', () => explorer.cursors.files.row === 1);
  input.write('q');
  await ended;
  expect(explorer.message).toBeUndefined();
});
