import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Effect, Explorer } from '../../../src/explore/explorer.ts';
import { actionOf, BINDINGS, PLACES, type Place } from '../../../src/explore/keys.ts';
import { explorerOf, shown, type TestLayer } from '../../support/explored.ts';

const LAYERS: TestLayer[] = [
  { etc: '/', 'etc/passwd': 'root', 'usr/bin/node': 'N'.repeat(5000), 'usr/lib/libc.so': 'c'.repeat(900) },
  { app: '/', 'app/index.js': 'run()', 'app/big.bin': 'b'.repeat(20_000), 'app/old.txt': 'old' },
  { 'app/old.txt': null, 'app/index.js': 'run(1)', 'app/link': '->index.js' },
];

const press = (explorer: Explorer, ...keys: string[]) => {
  for (const key of keys) explorer.press(key);
  return explorer;
};
const type = (explorer: Explorer, text: string) => press(explorer, ...text);
/** The rows of the right pane: sign, size, name. */
const files = (explorer: Explorer): string[] => {
  const { layout } = explorer;
  const { paneTop, paneHeight, rightColumn } = layout.current;
  return shown(explorer)
    .slice(paneTop, paneTop + paneHeight)
    .map((line) => line.slice(rightColumn).replace(/ +/g, ' ').trimEnd())
    .filter((line) => line !== '');
};
const open = (options: Parameters<typeof explorerOf>[1] = {}) => {
  const explorer = explorerOf(LAYERS, options);
  explorer.attributes = false;
  return explorer;
};

describe('the keys of dive', () => {
  test('Tab switches panes, arrows and letters move', () => {
    const explorer = open();
    expect(explorer.focus).toBe('left');
    expect(explorer.layer).toBe(2);
    expect(press(explorer, 'k', 'Up', 'Up').layer).toBe(0);
    expect(press(explorer, 'j').layer).toBe(1);
    expect(press(explorer, 'Tab').focus).toBe('right');
    press(explorer, 'Home', 'Down');
    expect(explorer.tree.paths[explorer.node!]).toBe('etc');
  });

  test('Space opens a directory and closes it, ^Space all', () => {
    const explorer = press(open(), 'Tab');
    expect(files(explorer)).toEqual(['~ 20kB ▸ app/', ' 4B ▸ etc/', ' 5.9kB ▸ usr/']);
    expect(files(press(explorer, 'Space'))).toEqual([
      ...['~ 20kB ▾ app/', ' 20kB big.bin', '~ 6B index.js', '+ link → index.js', '- 3B old.txt'],
      ...[' 4B ▸ etc/', ' 5.9kB ▸ usr/'],
    ]);
    expect(files(press(explorer, '^Space'))).toHaveLength(3);
    expect(files(press(explorer, '^Space'))).toHaveLength(12);
  });

  test.each([
    ['^A', '+', ['big.bin', 'index.js', 'old.txt']],
    ['^R', '-', ['big.bin', 'index.js', 'link']],
    ['^M', '~', ['big.bin', 'link', 'old.txt']],
    ['Enter', '~', ['big.bin', 'link', 'old.txt']],
    ['^U', '=', ['index.js', 'link', 'old.txt']],
  ])('%s hides what is %s, and shows it again', (key, _, left) => {
    const explorer = press(open(), 'Tab', 'Space', key);
    const names = () =>
      [...explorer.files.rows]
        .map((node) => explorer.tree.paths[node]!)
        .filter((path) => path.startsWith('app/'));
    expect(names()).toEqual(left.map((name) => `app/${name}`));
    press(explorer, key);
    expect(names()).toHaveLength(4);
  });

  test('^A and ^L in the layers: all changes so far, or those of the layer', () => {
    const explorer = press(open({ base: 1 }), '^A');
    expect(files(press(explorer, 'Tab', 'Space'))).toEqual([
      ...['+ 20kB ▾ app/', '+ 20kB big.bin', '+ 6B index.js', '+ link → index.js'],
      ...[' 4B ▸ etc/', ' 5.9kB ▸ usr/'],
    ]);
    press(explorer, 'Tab', '^L');
    expect(files(explorer)).toContain('- 3B old.txt');
  });

  test('^F filters while one types', () => {
    const explorer = press(open(), '^F');
    type(explorer, 'lib');
    expect(files(explorer)).toEqual([' 900B ▾ usr/', ' 900B ▾ lib/', ' 900B libc.so']);
    type(explorer, 'x');
    expect(files(explorer)).toEqual([' nothing matches the filter']);
    press(explorer, 'Backspace', 'Enter');
    expect(explorer.focus).toBe('right');
    expect(files(explorer)).toHaveLength(3);
    expect(files(press(explorer, 'Esc'))).toHaveLength(3);
    expect(explorer.filters.files).toBe('');
  });

  test('PageDown and PageUp scroll by a page', () => {
    const many = Object.fromEntries(
      Array.from({ length: 100 }, (_, at) => [`f${String(at).padStart(3, '0')}`, 'x']),
    );
    const explorer = press(explorerOf([many]), 'Tab', 'PageDown');
    expect(explorer.cursors.files.row).toBe(explorer.height);
    expect(press(explorer, 'PageDown', 'PageUp', 'u').cursors.files.row).toBe(0);
    expect(press(explorer, 'End').cursors.files.row).toBe(99);
  });

  test.each(['q', '^C'])('%s quits', (key) => {
    expect(open().press(key)).toEqual({ do: 'quit' });
  });

  test('while a filter is typed letters are letters, and ^C quits', () => {
    const explorer = press(open(), '/');
    expect(explorer.press('q')).toBeUndefined();
    expect(explorer.filters.files).toBe('q');
    expect(explorer.press('^C')).toEqual({ do: 'quit' });
  });
});

describe('beyond dive', () => {
  test('files are sorted by size', () => {
    const explorer = press(open(), 'Tab', 's');
    expect(files(explorer)).toEqual(['~ 20kB ▸ app/', ' 5.9kB ▸ usr/', ' 4B ▸ etc/']);
  });

  test('kinds are listed, and a kind shows its files', () => {
    const explorer = press(open(), 'Tab', '3');
    expect(files(explorer)).toEqual([' 25.9kB 5 100.0% unowned']);
    expect(press(explorer, 'Enter').view).toBe('files');
    expect(files(explorer).at(-1)).toBe(' 900B libc.so');
    expect(press(explorer, 'Esc').view).toBe('kinds');
  });

  test('waste is listed, and leads to the file where it is hidden', () => {
    const explorer = press(open(), 'Tab', 'w');
    expect(files(explorer)).toEqual([' 5B overwritten 2>3 /app/index.js', ' 3B deleted 2>3 /app/old.txt']);
    press(explorer, 'Down', 'Enter');
    expect(explorer.tree.paths[explorer.node!]).toBe('app/old.txt');
    expect(explorer.layer).toBe(2);
  });

  test('a file leads to its Dockerfile line', () => {
    const explorer = press(open({ empty: ['CMD ["x"]'] }), 'Tab', 'Space', 'Down', 'g');
    expect(explorer.left).toBe('instructions');
    expect(explorer.layer).toBe(1);
    expect(shown(explorer).join('\n')).toContain('line      Dockerfile:11  RUN step 2');
  });

  test('lines without a layer show the state before them, unchanged', () => {
    const explorer = press(open({ empty: ['CMD ["x"]'] }), 'i', 'End', 'Tab', 'Space');
    expect(files(explorer)).toEqual([
      ' 20kB ▾ app/',
      ' 20kB big.bin',
      ' 6B index.js',
      ' link → index.js',
      ' 4B ▸ etc/',
      ' 5.9kB ▸ usr/',
    ]);
  });

  test('a file is read out of its layer; a link leads to its file; a deleted one is still there', () => {
    const explorer = press(open(), 'Tab', 'Space', 'Down');
    expect(explorer.press('v')).toMatchObject({
      do: 'read',
      file: { path: 'app/big.bin', layer: 1, size: 20_000 },
    });
    press(explorer, 'Down', 'Down');
    expect(explorer.press('v')).toMatchObject({
      do: 'read',
      file: { path: 'app/index.js', layer: 2, size: 6 },
    });
    press(explorer, 'Down');
    const effect = explorer.press('v');
    expect(effect).toMatchObject({ do: 'read', file: { path: 'app/old.txt', layer: 1, size: 3 } });
    explorer.opened((effect as Extract<Effect, { do: 'read' }>).file, Buffer.from('old\tthing\nsecond'));
    expect(shown(explorer).slice(1, 4)).toEqual(['old     thing', 'second', '']);
    expect(shown(press(explorer, 'x'))[1]).toBe(
      '00000000  6f 6c 64 09 74 68 69 6e  67 0a 73 65 63 6f 6e 64  old.thing.second',
    );
    expect(press(explorer, 'Esc').page).toBeUndefined();
  });

  test('a file is saved where one says', () => {
    const explorer = press(open(), 'Tab', 'Space', 'Down', 'e', '^U');
    type(explorer, 'out');
    expect(explorer.press('Enter')).toMatchObject({ do: 'save', to: 'out', file: { path: 'app/big.bin' } });
  });

  test('a change of the size keeps the cursor on the screen', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...BINDINGS.flatMap(({ keys }) => keys)), { maxLength: 40 }),
        fc.integer({ min: 1, max: 300 }),
        fc.integer({ min: 1, max: 100 }),
        (keys, columns, rows) => {
          const explorer = open({ base: 1, empty: ['CMD ["x"]'] });
          press(explorer, ...keys);
          explorer.resize({ columns, rows });
          const lines = shown(explorer);
          expect(lines).toHaveLength(rows);
          for (const line of lines) expect(line.length).toBeLessThanOrEqual(columns);
          const { row, top } = explorer.cursors[explorer.view];
          expect(row === 0 || (row >= top && row < top + explorer.height)).toBe(true);
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('the table of keys', () => {
  test('names no key twice at a place', () => {
    for (const place of Object.keys(PLACES) as Place[]) {
      const keys = BINDINGS.filter(({ place: of }) => of === place).flatMap((one) => one.keys);
      expect(new Set(keys).size, place).toBe(keys.length);
      for (const key of keys) expect(actionOf(key, place), key).toBeDefined();
    }
  });

  test('is the one of the help and of docs/explore.md', () => {
    const help = shown(press(open({ columns: 120, rows: 90 }), '?')).join('\n');
    const docs = readFileSync(new URL('../../../docs/explore.md', import.meta.url), 'utf8');
    for (const { keys, help: text, place } of BINDINGS) {
      expect(help).toContain(`${keys.join(' ')} `);
      expect(help).toContain(text);
      const names = keys.map((key) => `\`${key}\``).join(' ');
      expect(docs).toContain(`| ${PLACES[place]} | ${names} | ${text} |`);
    }
    expect(docs.match(/^\| .* \| `.*` \| .* \|$/gm)).toHaveLength(BINDINGS.length);
  });
});
