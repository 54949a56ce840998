import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished, TestRunner } from 'vitest';
import { removeTree } from '../../src/store/remove-tree.ts';

/** Folders that were made outside of a test, and so are for all tests of the file. */
const ofFile: string[] = [];

/**
 * Makes an empty folder. What is made in a test or in a `beforeEach` is deleted after that test and its
 * `afterEach`, what is made elsewhere after the file's last test.
 */
export function tempDir(): string {
  const folder = mkdtempSync(join(tmpdir(), 'jettison-test-'));
  if (TestRunner.getCurrentTest() === undefined) ofFile.push(folder);
  else onTestFinished(() => removeTree(folder));
  return folder;
}

/** Writes files of a folder, by path. */
export function writeFiles(folder: string, files: Record<string, string | Uint8Array>): void {
  for (const [path, content] of Object.entries(files)) {
    const file = join(folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
  }
}

/** Deletes the folders that are for all tests of a file: test/support/setup.ts does when they have ended. */
export function removeTempDirs(): void {
  for (const folder of ofFile.splice(0)) removeTree(folder);
}
