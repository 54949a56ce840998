import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { processIdentity } from '../../../src/store/process-identity.ts';
import { openStore } from '../../../src/store/store.ts';
import { temporaryPath, writeWhole } from '../../../src/store/temporary.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'jettison-store-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

describe('two stores that one process has open on one folder', () => {
  test('closing one leaves the temporary files of the other', () => {
    const [one, two] = [openStore({ home }), openStore({ home })];
    const paths = [one, two].map(({ layout }) => temporaryPath(layout, 'file'));
    for (const path of paths) writeFileSync(path, '');
    two.close();
    expect(paths.map((path) => existsSync(path))).toEqual([true, false]);
    one.close();
    expect(readdirSync(one.layout.temporary)).toEqual([]);
  });

  test('the folder goes with the last file, also of a store that was never closed', () => {
    const [one, two] = [openStore({ home }), openStore({ home })];
    writeWhole(one.layout, join(home, 'a'), '');
    two.close();
    expect(readdirSync(one.layout.temporary)).toEqual([]);
    writeWhole(one.layout, join(home, 'b'), '');
    one.close();
    expect(readdirSync(one.layout.temporary)).toEqual([]);
  });

  test('ending the lease of one keeps that of the other', async () => {
    const [one, two] = [openStore({ home }), openStore({ home })];
    const lease = join(one.layout.locks, 'use', processIdentity);
    const [endOne, endTwo] = [await one.leases.use(), await two.leases.use()];
    endTwo();
    endTwo();
    expect(existsSync(lease)).toBe(true);
    endOne();
    expect(existsSync(lease)).toBe(false);
    (await two.leases.use())();
    expect(existsSync(lease)).toBe(false);
  });
});
