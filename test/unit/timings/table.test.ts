import { describe, expect, test } from 'vitest';
import { style } from '../../../src/errors/style.ts';
import { displayWidth, printable } from '../../../src/events/width.ts';
import { timingsTable } from '../../../src/timings/table.ts';
import { part, sample, timingsOf } from './parts.ts';

const plain = { paint: style(false), bar: '*', ellipsis: '~' };

describe('the table of timings', () => {
  test('has a line a part with its phases, and marks the critical path', () => {
    expect(timingsTable(sample(), plain)).toEqual([
      '       at   time  fetch unpack  files  start    run   scan   pack  step',
      '*    0.0s   3.0s   2.0s   1.0s                                     [a 1/3] FROM node:20',
      '*    3.0s   6.0s                 0.2s   0.1s   5.2s   0.5s   0.8s  [a 2/3] RUN npm ci',
      '     3.0s   1.0s                                                   [b 2/2] RUN lint',
      '*    9.0s   1.0s                                                   export image',
      '  … and 2 steps of less than 0.1s each',
      '',
      '* critical path  10.0s of 10.0s',
      '  parallelism    1.1: 11.0s of work in 10.0s',
    ]);
  });

  test('sums the smallest phases where not all fit', () => {
    const lines = timingsTable(sample(), { ...plain, columns: 80 });
    expect(lines.slice(0, 3)).toEqual([
      '       at   time  fetch unpack    run   pack  other  step',
      '*    0.0s   3.0s   2.0s   1.0s                       [a 1/3] FROM node:20',
      '*    3.0s   6.0s                 5.2s   0.8s   0.8s  [a 2/3] RUN npm ci',
    ]);
  });

  test.each([20, 40, 60, 80, 200])('fits into %i columns', (columns) => {
    for (const line of timingsTable(sample(), { ...plain, columns, paint: style(true) }))
      expect(displayWidth(printable(line))).toBeLessThan(Math.max(columns, 50));
  });

  test('shows nothing of a title that could move the cursor', () => {
    const one = { ...part('a/1', [[0, 100]]), title: 'RUN \x1b[2J' };
    expect(timingsTable(timingsOf([one]), plain).join('\n')).not.toContain('\x1b');
  });
});
