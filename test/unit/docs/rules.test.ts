import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { ignoredBy, parseIgnore } from '../../../src/context/ignore.ts';
import { RULES } from '../../../src/plan/checks/plan-rules.ts';
import { planChecked } from '../../support/plan-checked.ts';

const DOCS = fileURLToPath(new URL('../../../docs/', import.meta.url));
const rules = [...RULES.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
const page = (id: string) => readFileSync(join(DOCS, 'rules', `${id}.md`), 'utf8');

/** The codes that are reported for a page's example. Base images named arm64v8/… are for arm64, others for amd64. */
function codesOf(text: string, heading: string): string[] {
  const example = new RegExp(`\n## ${heading}\n\n\`\`\`dockerfile\n(.*?\n)\`\`\`\n`, 's').exec(text)![1]!;
  const ignore = /\n```ignore\n(.*?)```\n/s.exec(text)?.[1];
  const ignored = ignore === undefined ? undefined : parseIgnore(ignore, '.dockerignore');
  const options = ignored === undefined ? {} : { ignoredBy: (path: string) => ignoredBy(ignored, path) };
  const [, name, value] = /`--build-arg (\w+)=([^`]+)`/.exec(text) ?? [];
  const buildArgs = name === undefined ? {} : { [name]: value! };
  return planChecked(example, { buildArgs, ...options }).warnings.map(({ code }) => code);
}

describe.each(rules.map(({ id }) => id))('the page of %s', (id) => {
  test('begins with its name and says something', () => {
    expect(page(id)).toMatch(new RegExp(`^# ${id}\n\n[A-Z\`].{20,}\n\n[A-Z\`].{20,}\n`));
  });

  test('shows a wrong example with exactly this finding, and a right one without any', () => {
    expect(codesOf(page(id), 'Wrong')).toEqual([id]);
    expect(codesOf(page(id), 'Right')).toEqual([]);
  });
});

test('every page is of a rule', () => {
  expect(readdirSync(join(DOCS, 'rules')).sort()).toEqual(rules.map(({ id }) => `${id}.md`).sort());
});

// `npx vitest run test/unit/docs/rules.test.ts -u` writes the table.
test('docs/lint.md lists the rules as they are described', async () => {
  const rows = rules.map(
    ({ id, description, experimental, own }) =>
      `| [${id}](rules/${id}.md)${experimental ? ' (experimental)' : ''}${own ? ' (not in Docker)' : ''} | ${description} |\n`,
  );
  const text = readFileSync(join(DOCS, 'lint.md'), 'utf8');
  const table = /(?<=\n\| Rule \| \|\n\| --- \| --- \|\n)(?:\|.*\n)*/;
  expect(text).toMatch(table);
  await expect(text.replace(table, () => rows.join(''))).toMatchFileSnapshot(join(DOCS, 'lint.md'));
});

test('descriptions are sentences', () => {
  for (const { description } of rules) expect(description).toMatch(/^[A-Z].*\.$/);
});
