import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { readBudget } from '../../../src/inspect/budget.ts';

const schema = (name: string) => {
  const url = new URL(`../../../schemas/${name}.schema.json`, import.meta.url);
  return new Ajv2020({ strict: true, allowUnionTypes: true }).compile(JSON.parse(readFileSync(url, 'utf8')));
};

describe('the schema of a budget', () => {
  const valid = schema('budget');
  const page = readFileSync(new URL('../../../docs/compare.md', import.meta.url), 'utf8');
  const example = /^```json\n(.*?)^```/ms.exec(page)![1]!;

  test('holds for the example of the page', () => {
    expect(valid(JSON.parse(example))).toBe(true);
  });

  test.each([
    {},
    { size: 1, packed: '1.5 GiB', layers: 0 },
    { waste: ['5%', 10] },
    { growth: { against: 'app', packed: '1%' } },
    {
      forbidPaths: [],
      forbidPackages: ['x'],
      nonRoot: false,
      healthcheck: true,
      noShell: true,
      noDevPackages: true,
    },
  ])('and the command take %j', (budget) => {
    expect(valid({ budget })).toBe(true);
    expect(readBudget(budget, 'x')).toBe(budget);
  });

  test.each([
    { sise: 1 },
    { size: true },
    { forbidPaths: 'x' },
    { forbidPackages: [1] },
    { nonRoot: 'yes' },
    { growth: { size: 1 } },
  ])('and the command refuse %j', (budget) => {
    expect(valid({ budget })).toBe(false);
    expect(() => readBudget(budget, 'x')).toThrow(/invalid budget/);
  });
});
