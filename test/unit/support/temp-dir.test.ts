import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { removeTempDirs, tempDir } from '../../support/temp-dir.ts';

describe('tempDir', () => {
  const made: Record<string, string[]> = { early: [tempDir()], hook: [], each: [], test: [] };
  const there = (name: string) => made[name]!.map((path) => existsSync(path));
  beforeAll(() => {
    made['hook']!.push(tempDir());
  });
  beforeEach(() => {
    made['each']!.push(tempDir());
  });
  afterEach(() => {
    expect(there('each').at(-1)).toBe(true);
    expect(there('test').at(-1)).toBe(true);
  });
  afterAll(() => {
    expect([...there('early'), ...there('hook'), ...there('each'), ...there('test')]).toEqual([
      true,
      true,
      false,
      false,
      false,
      false,
    ]);
    removeTempDirs();
    expect([...there('early'), ...there('hook')]).toEqual([false, false]);
  });

  it.each([0, 1])('gives each test a folder of its own, and removes it after afterEach: %i', (before) => {
    made['test']!.push(tempDir());
    expect(there('test')).toEqual([...Array(before).fill(false), true]);
    expect(there('each')).toEqual([...Array(before).fill(false), true]);
    const deep = join(made['test']!.at(-1)!, 'a/b');
    mkdirSync(deep, { recursive: true });
    writeFileSync(join(deep, 'file'), '');
  });
});
