import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test, vi } from 'vitest';
import { ADVICE_RULES } from '../../../src/advice/advise.ts';
import { ignoredBy, parseIgnore } from '../../../src/context/ignore.ts';
import { RULES } from '../../../src/plan/checks/plan-rules.ts';
import { linted } from '../../support/linted.ts';
import { imageLinted, sharedLibrary } from '../../support/linted-image.ts';
import { planChecked } from '../../support/plan-checked.ts';
import { PLANTED_KINDS, plantedSecrets } from '../../support/planted-secrets.ts';

/** Ports on which the image of a page listens: it is not run. */
const { listening } = vi.hoisted(() => ({ listening: [] as { address: string; port: number }[] }));
vi.hoisted(() => vi.resetModules());
vi.mock('../../../src/probe/probe-image.ts', () => ({ probeImage: async () => ({ listening }) }));

const DOCS = fileURLToPath(new URL('../../../docs/', import.meta.url));
const rules = [...RULES.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
const advice = [...ADVICE_RULES.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
/** Stands where a page says `<token>`. */
const TOKEN = plantedSecrets(PLANTED_KINDS.length).find(({ kind }) => kind === 'npm-token')!.value;
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

/** The findings for a page's example above "info", or of the rule itself, in the context that the page shows. */
async function adviceOf(id: string, heading: string): Promise<string[]> {
  const example = new RegExp(`\n## ${heading}\n\n\`\`\`dockerfile\n(.*?\n)\`\`\`\n`, 's').exec(page(id))![1]!;
  const blocks = page(id).matchAll(/\n```text (\S+)\n(.*?)\n```\n/gs);
  const context = Object.fromEntries([...blocks].map(([, name, content]) => [name!, content!]));
  const files = { ...placeholders(example), ...context };
  const image = imageOf(id, heading);
  const [, port] = /listens on (\d+):/.exec(page(id)) ?? [];
  listening.splice(0, 1, ...(port === undefined ? [] : [{ address: '0.0.0.0', port: Number(port) }]));
  const found = image
    ? await imageLinted(example, [['COPY /', image]], { context: files, run: listening.length > 0 })
    : await linted(example, files);
  return found.filter(({ code, severity }) => code === id || severity !== 'info').map(({ code }) => code);
}

/** The files of the image that a page shows for an example: each of a size, with a text, or linked with names. */
function imageOf(id: string, heading: string): Record<string, string> | undefined {
  const [, section] = new RegExp(`\n## ${heading}\n(.*?)\n## `, 's').exec(`${page(id)}\n## `)!;
  const [, list] = /\n```image\n(.*?)\n```\n/s.exec(section!) ?? [];
  const files = list?.split('\n').map((line): [string, string] => {
    const [, path, size, text, names] = /^(\S+?)(?: (\d+)|: (.*)| \(linked with (.*)\))?$/.exec(line)!;
    if (names !== undefined) return [path!, sharedLibrary(names.split(', '))];
    return [path!, text?.replace('<token>', TOKEN) ?? 'x'.repeat(Number(size ?? 10))];
  });
  return files && Object.fromEntries(files);
}

/** Empty files for what an example copies from its context, so that the context is taken for the right one. */
function placeholders(example: string): Record<string, string> {
  const copies = [...example.matchAll(/^(?:COPY|ADD) (?!--from)(?:--\S+ )*(.*) \S+$/gm)];
  const names = copies.flatMap(([, sources]) => sources!.split(' ')).filter((name) => name !== '.');
  return Object.fromEntries(names.map((name) => [name === 'src' ? 'src/index.js' : name, '']));
}

describe.each(advice.map(({ id }) => id))('the page of the advice %s', (id) => {
  test('says what is found, why, and when to ignore it', () => {
    expect(page(id)).toMatch(new RegExp(`^# ${id}\n\n[A-Za-z\`].{20,}\n\n[A-Za-z\`].{20,}\n`));
    expect(page(id)).toMatch(/\n## When to ignore\n\n[A-Z].{20,}\n/);
  });

  test('shows a wrong example with exactly this finding, and a right one without any', async () => {
    expect(await adviceOf(id, 'Wrong')).toEqual([id]);
    expect(await adviceOf(id, 'Right')).toEqual([]);
  });
});

test('every page is of a rule', () => {
  const ids = [...rules, ...advice].map(({ id }) => `${id}.md`);
  expect(readdirSync(join(DOCS, 'rules')).sort()).toEqual(ids.sort());
});

test('docs/lint.md lists the advice as it is described', async () => {
  const rows = advice.map(({ id, description, severity, aliases }) => {
    const also = aliases.length === 0 ? '' : ` (${aliases.join(', ')})`;
    return `| [${id}](rules/${id}.md)${also} | ${severity} | ${description} |\n`;
  });
  const text = readFileSync(join(DOCS, 'lint.md'), 'utf8');
  const table = /(?<=\n\| Advice \| \| \|\n\| --- \| --- \| --- \|\n)(?:\|.*\n)*/;
  expect(text).toMatch(table);
  await expect(text.replace(table, () => rows.join(''))).toMatchFileSnapshot(join(DOCS, 'lint.md'));
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
  // Programs keep their case.
  for (const { description } of [...rules, ...advice]) {
    expect(description).toMatch(/^([A-Z]|npm[ ,]|pip |dnf, |apt-get |apk ).*\.$/);
  }
});
