import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { commands } from '../../../src/cli/commands.ts';

test('every file in commands/ is a command, by the same name', () => {
  const files = readdirSync(new URL('../../../src/cli/commands/', import.meta.url));
  expect(Object.keys(commands).sort()).toEqual(files.map((name) => name.replace(/\.ts$/, '')).sort());
});
