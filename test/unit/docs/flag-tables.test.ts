import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { commands } from '../../../src/cli/commands.ts';
import { everyCommand } from '../../../src/cli/every-command.ts';
import { withFlagTables } from '../../../src/cli/print/flag-tables.ts';
import { manPage } from '../../../src/cli/print/man-page.ts';

const DOCS = new URL('../../../docs/', import.meta.url);

describe('tables of flags in docs/', () => {
  test('have every flag in the form that the command has', async () => {
    const all = await everyCommand(commands);
    const shown = new Set<string>();
    const flagsOf = (name: string) => {
      shown.add(name);
      return all.find((one) => one.name === name)?.command.flags;
    };
    for (const name of readdirSync(DOCS).filter((file) => file.endsWith('.md'))) {
      const page = readFileSync(new URL(name, DOCS), 'utf8');
      expect(withFlagTables(page, flagsOf), `docs/${name}: npm run docs:flags`).toBe(page);
    }
    expect([...shown].sort()).toEqual([
      'attest',
      'build',
      'builds show',
      'explore',
      'forecast',
      'init',
      'lint',
      'optimise',
      'report',
      'run',
      'sbom',
      'scan',
      'secrets',
      'why-ran',
    ]);
  });

  test('get new flags and lose old ones; explanations stay', () => {
    const flags = {
      old: { short: 'o', value: 'A|B', help: 'Old' },
      new: { help: 'New' },
    };
    const table = '| x | |\n| --- | --- |\n| `--old VALUE` | Explained. |\n| `--gone` | Gone. |\n';
    const page = (marker: string) => withFlagTables(`Text\n\n${marker}\n${table}\nMore\n`, () => flags);
    const rows = '| `-o`, `--old A\\|B` | Explained. |\n';
    const head = '| x | |\n| --- | --- |\n';
    expect(page('<!-- flags: x -->')).toBe(
      `Text\n\n<!-- flags: x -->\n${head}${rows}| \`--new\` | New. |\n\nMore\n`,
    );
    expect(page('<!-- flags: x, some -->')).toBe(`Text\n\n<!-- flags: x, some -->\n${head}${rows}\nMore\n`);
    expect(() => withFlagTables('<!-- flags: y -->\n| a | |\n', () => undefined)).toThrow(
      'unknown command "y"',
    );
  });
});

describe('man pages', () => {
  test('have the flags and examples of each command, and no line that roff takes for a request', async () => {
    const all = await everyCommand(commands);
    for (const one of all) {
      const page = manPage(one, all);
      expect(page).toMatch(/^\.TH "JETTISON-[A-Z-]+" "1" "" "Jettison /);
      for (const name of Object.keys(one.command.flags ?? {})) {
        expect(page).toContain(`\\-\\-${name.replaceAll('-', '\\-')}`);
      }
      for (const line of page.split('\n').filter((text) => /^[.']/.test(text))) {
        expect(line).toMatch(/^\.(TH|SH|TP|PP|B|BR|nf|fi)\b/);
      }
    }
    const main = manPage(undefined, all);
    for (const { name } of all.filter((one) => !one.name.includes(' ')))
      expect(main).toContain(`jettison-${name}`);
  });
});
