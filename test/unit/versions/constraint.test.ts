import { expect, test } from 'vitest';
import { intervalsOf } from '../../../src/versions/constraint.ts';
import { isWithin } from '../../../src/versions/interval.ts';
import { ORDERS } from '../../../src/versions/orders.ts';

test.each<[type: keyof typeof ORDERS, text: string, within: string[], not: string[]]>([
  ['npm', '<4.17.21', ['4.17.20', '0.1.0', '4.17.21-rc.1'], ['4.17.21', '5.0.0']],
  ['npm', '>=2.0.0, <2.8.9', ['2.0.0', '2.8.8'], ['1.9.9', '2.8.9']],
  ['npm', '^1.2.0 || ~3.1.0', ['1.9.0', '3.1.7'], ['2.0.0', '3.2.0']],
  ['npm', '*', ['0.0.1', '99.0.0'], []],
  ['npm', '= 1.2.3', ['1.2.3'], ['1.2.4']],
  ['pypi', '>= 1.0, < 1.4.2', ['1.0', '1.4.1', '1.4.2rc1'], ['1.4.2', '0.9']],
  ['maven', '>=2.0.0,<=2.9.10.8', ['2.9.10.8'], ['2.9.10.9']],
  ['maven', '[2.0,2.17.1),(3.0,3.1]', ['2.0', '2.17.0', '3.1'], ['2.17.1', '3.0', '1.9']],
  ['maven', '[1.5]', ['1.5'], ['1.6']],
  ['maven', '(,1.0]', ['0.1', '1.0'], ['1.1']],
  ['golang', '<0.17.0', ['v0.16.0'], ['v0.17.0']],
  ['deb', '< 3.0.19-1~deb12u2', ['3.0.17-1~deb12u2'], ['3.0.19-1~deb12u2']],
  ['generic', '> 1.0 < 1.2 || 1.5', ['1.1', '1.5'], ['1.0', '1.2', '1.4']],
])('%s %s', (type, text, within, not) => {
  const intervals = intervalsOf(text, type);
  expect(intervals).toBeDefined();
  const found = [...within, ...not].filter((version) => isWithin(version, intervals!, ORDERS[type]));
  expect(found).toEqual(within);
});

test.each([
  ['npm', 'not a range at all'],
  ['pypi', ''],
  ['maven', '[1.0,2.0'],
  ['maven', '[1,2,3]'],
  ['deb', '<'],
  ['npm', `<${'1'.repeat(10_000)}`],
])('%s: "%s" is not understood', (type, text) => {
  expect(intervalsOf(text.slice(0, 20_000), type)).toBeUndefined();
});
