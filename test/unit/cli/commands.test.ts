import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { commands } from '../../../src/cli/commands.ts';

test('every file that exports a command is one, by the same name', () => {
  const folder = new URL('../../../src/cli/', import.meta.url);
  const written = readdirSync(folder)
    .filter((name) => name.endsWith('.ts'))
    .filter((name) => /^export const command\b/m.test(readFileSync(new URL(name, folder), 'utf8')))
    .map((name) => name.slice(0, -'.ts'.length));
  // `version.ts` is the number itself.
  const files = Object.keys(commands).map((name) => (name === 'version' ? 'version-command' : name));
  expect(files.sort()).toEqual(written.sort());
});
