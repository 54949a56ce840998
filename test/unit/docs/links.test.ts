import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const PAGES = [
  ...readdirSync(ROOT).filter((name) => name.endsWith('.md')),
  ...pagesIn('docs').map((name) => join('docs', name)),
  ...pagesIn('docs/rules').map((name) => join('docs/rules', name)),
  join('examples', 'README.md'),
  join('test', 'conformance', 'README.md'),
];

function pagesIn(folder: string): string[] {
  return readdirSync(join(ROOT, folder)).filter((name) => name.endsWith('.md'));
}

describe('links between pages and files', () => {
  it.each(PAGES)('%s leads to what is there', (page) => {
    const text = readFileSync(join(ROOT, page), 'utf8');
    const targets = [...text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)].map(([, target]) => target!);
    const dead = targets.filter(
      (target) => !/^[a-z]+:/.test(target) && !existsSync(join(ROOT, dirname(page), target)),
    );
    expect(dead).toEqual([]);
  });

  it('lead from README.md to every page of docs/', () => {
    const text = readFileSync(join(ROOT, 'README.md'), 'utf8');
    const list = text.slice(text.indexOf('\n## More\n'));
    const pages = pagesIn('docs');
    expect(pages.filter((page) => !list.includes(`\n- [docs/${page}](docs/${page}): `))).toEqual([]);
  });
});
