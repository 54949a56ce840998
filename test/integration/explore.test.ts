import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readContent } from '../../src/explore/read-content.ts';
import { openImage } from '../../src/images/open-image.ts';
import { Registries } from '../../src/registry/registries.ts';
import { TestBuilds } from '../support/build.ts';
import { TestTerminal } from '../support/terminal.ts';

const DOCKERFILE = `FROM scratch
COPY a.txt b.bin /app/
COPY later /app/
CMD ["x"]
`;
const LEAVE = '\x1b[?25h\x1b[?1049l';

let builds: TestBuilds;

beforeAll(async () => {
  builds = await TestBuilds.create();
  builds.write({ 'a.txt': 'the text of a\n', 'b.bin': Buffer.alloc(3000, 7), 'later/a.txt': 'again\n' });
  await builds.build(DOCKERFILE, { tags: ['app:1'] });
});
afterAll(() => builds.remove());

/** The explorer on a terminal that shows it. */
async function open(options: { env?: Record<string, string>; args?: string[] } = {}): Promise<TestTerminal> {
  const { env = {}, args = ['app:1'] } = options;
  const command = {
    uid: process.getuid?.() ?? 0,
    start: (all: readonly string[], more: object) => builds.start(all, { ...more, env }),
  };
  const terminal = TestTerminal.open(command, ['explore', ...args], { size: { rows: 24, columns: 80 } });
  await terminal.shows('Details');
  return terminal;
}

/** Types a key, and waits until the screen has something more. */
async function type(terminal: TestTerminal, key: string, text: string): Promise<void> {
  terminal.text = '';
  terminal.type(key);
  await terminal.shows(text);
}

describe('on a terminal', () => {
  test('it opens, moves, filters and shows a file; q sets the terminal back', async () => {
    const terminal = await open();
    expect(terminal.isRestored).toBe(false);
    expect(terminal.text).toContain('\x1b[?1049h');
    await type(terminal, '\t', 'app/');
    await type(terminal, ' ', 'b.bin');
    await type(terminal, '/a.t', 'Filter: ');
    terminal.type('\r');
    await type(terminal, 'j', '/app/a.txt');
    await type(terminal, 'v', 'again');
    await type(terminal, 'x', '61 67 61 69 6e 0a');
    await type(terminal, '?', 'Switch panes');
    terminal.text = '';
    terminal.type('q');
    expect(await terminal.end).toBe(0);
    await terminal.shows(LEAVE);
    expect(terminal.isRestored).toBe(true);
    terminal.close();
  });

  test('it saves a file that a later layer hides, and overwrites none', async () => {
    const terminal = await open();
    // The first layer, its files, the first of them.
    await type(terminal, 'kkk\t\x1b[H', 'app/');
    await type(terminal, ' ', 'a.txt');
    await type(terminal, 'j', '/app/a.txt');
    await type(terminal, '\x05', 'Save as');
    terminal.type('\x15out.txt\r');
    await terminal.shows('saved 14B as out.txt');
    const saved = join(builds.folder, 'out.txt');
    expect(readFileSync(saved, 'utf8')).toBe('the text of a\n');
    writeFileSync(saved, 'mine');
    await type(terminal, 'e', 'Save as');
    terminal.type('\x15out.txt\r');
    await terminal.shows('out.txt exists');
    expect(readFileSync(saved, 'utf8')).toBe('mine');
    expect(existsSync(join(builds.folder, `.out.txt.${terminal.child.pid}.tmp`))).toBe(false);
    terminal.type('\x03');
    expect(await terminal.end).toBe(0);
    expect(terminal.isRestored).toBe(true);
    terminal.close();
  });

  test('it follows the size of the window', async () => {
    const terminal = await open();
    terminal.text = '';
    terminal.resize({ rows: 10, columns: 40 });
    await terminal.shows('\x1b[10;1H');
    expect(terminal.text).not.toContain('\x1b[11;1H');
    terminal.text = '';
    terminal.resize({ rows: 50, columns: 200 });
    await terminal.shows('\x1b[50;1H');
    terminal.type('q');
    expect(await terminal.end).toBe(0);
    terminal.close();
  });

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 130],
    ['SIGHUP', 'SIGHUP'],
    ['SIGQUIT', 'SIGQUIT'],
  ] as const)('%s ends it, and the terminal is as before', async (signal, end) => {
    const terminal = await open();
    terminal.child.kill(signal);
    expect(await terminal.end).toBe(end);
    await terminal.shows(LEAVE);
    expect(terminal.isRestored).toBe(true);
    terminal.close();
  });

  test('with NO_COLOR it has none', async () => {
    const terminal = await open({ env: { NO_COLOR: '1' } });
    terminal.type('\tq');
    expect(await terminal.end).toBe(0);
    expect(terminal.text).not.toMatch(/\x1b\[[\d;]*3[0-7]m/);
    expect(terminal.text).not.toContain('38;5');
    expect(terminal.text).toContain('\x1b[7m');
    terminal.close();
  });

  test('--summary prints and ends', async () => {
    const command = {
      uid: process.getuid!(),
      start: (all: readonly string[], more: object) => builds.start(all, more),
    };
    const terminal = TestTerminal.open(command, ['explore', '--summary', 'app:1']);
    expect(await terminal.end).toBe(0);
    await terminal.shows('WASTE');
    expect(terminal.text).not.toContain('\x1b[?1049h');
    terminal.close();
  });
});

describe('without a terminal', () => {
  test('it prints the summary', async () => {
    const { code, out } = await builds.run(['explore', 'app:1']);
    expect(code).toBe(0);
    expect(out).toContain('3.01kB in 2 files, 14B wasted');
    expect(out).toContain('COPY a.txt b.bin /app/  (14B wasted)');
    expect(out).toContain('14B  /app/a.txt  layer 1, overwritten by layer 2');
    expect(out).not.toContain('\x1b');
  });

  test('--json is image.json, with --files of all files', async () => {
    const { out } = await builds.run(['explore', '--json', 'app:1']);
    const described = JSON.parse(out);
    expect(described).toMatchObject({ version: 1, size: { tree: 3006, waste: 14, files: 2, layers: 2 } });
    expect(described.files).toBeUndefined();
    const whole = JSON.parse((await builds.run(['explore', '--json', '--files', 'app:1'])).out);
    expect(whole.files.map(({ path }: { path: string }) => path)).toEqual(['app/a.txt', 'app/b.bin']);
  });

  test.each([
    [[], 'missing argument IMAGE'],
    [['a', 'b'], 'unexpected argument "b"'],
    [['--json', '--summary', 'a'], '--json and --summary exclude each other'],
    [['--files', 'a'], '--files needs --json'],
  ])('explore %j is a usage error', async (args, message) => {
    const { code, err } = await builds.run(['explore', ...args]);
    expect(code).toBe(2);
    expect(err).toContain(message);
  });

  test('a layer that is not the one that was indexed gives no content', async () => {
    const image = await openImage('app:1', {
      ...{ store: builds.store, registries: new Registries({ env: {} }), env: {}, cwd: builds.folder },
      signal: new AbortController().signal,
    });
    let bytes = Buffer.alloc(0);
    const sink = {
      restart: () => {
        bytes = Buffer.alloc(0);
      },
      write: (chunk: Buffer) => {
        bytes = Buffer.concat([bytes, chunk]);
      },
    };
    const digest = '1f1a9bb9a2c5a6b6d1d3a8f7d5f9d2b7e7f1a3c5e7f9a1b3c5d7e9f1a3b5c7d9';
    await expect(readContent(image.layers[0]!, { size: 14, digest }, sink)).rejects.toMatchObject({
      code: 'CONTENT_MISSING',
    });
    await image.close();
  });
});
