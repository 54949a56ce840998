import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { JettisonError } from '../../src/errors/error.ts';
import { openStore } from '../../src/store/store.ts';
import { tempDir } from '../support/temp-dir.ts';

let folder: string;
beforeEach(() => {
  folder = tempDir();
});

function refusal(home: string, env: NodeJS.ProcessEnv = {}): JettisonError {
  try {
    openStore({ home, env });
  } catch (error) {
    if (error instanceof JettisonError) return error;
    throw error;
  }
  throw new Error('the store was opened');
}

describe('root', () => {
  beforeEach((ctx) => {
    if (process.getuid?.() !== 0) ctx.skip('only root can act as root');
  });

  test('does not write into the store of another user', () => {
    const home = join(folder, 'store');
    openStore({ home }).close();
    chownSync(home, 1234, 1234);
    const before = readdirSync(home, { recursive: true });
    const error = refusal(home);
    expect(error).toMatchObject({ code: 'STORE_FOREIGN', exitCode: 1 });
    expect(error.message).toContain('user 1234');
    expect(error.hint).toContain('sudo -H');
    expect(readdirSync(home, { recursive: true })).toEqual(before);
  });

  test('under sudo does not make a store in the home of its caller', () => {
    chownSync(folder, 1234, 1234);
    const home = join(folder, 'share', 'jettison');
    expect(refusal(home, { SUDO_UID: '1234' }).code).toBe('STORE_FOREIGN');
    expect(existsSync(join(folder, 'share'))).toBe(false);
    // In a container whose home is a volume of somebody else's, root is alone.
    openStore({ home, env: {} }).close();
    openStore({ home, env: {} }).close();
  });
});

describe('a store of a newer Jettison', () => {
  test.each([
    ['oci-layout', '{"imageLayoutVersion":"2.0.0"}', 'version 2.0.0'],
    ['store.json', '{"format":2}', 'format 2'],
    ['store.json', '{"format":"next"}', 'format "next"'],
  ])('is refused by its %s, and left alone', (file, text, says) => {
    const home = join(folder, 'store');
    openStore({ home }).close();
    writeFileSync(join(home, file), text);
    mkdirSync(join(home, 'tmp', '999999999-1-1'), { recursive: true });
    const before = readdirSync(home, { recursive: true });
    const error = refusal(home);
    expect(error).toMatchObject({ code: 'STORE_VERSION', exitCode: 1 });
    expect(error.message).toContain(says);
    expect(readdirSync(home, { recursive: true })).toEqual(before);
  });

  test('has a format version, so that an older Jettison refuses it', () => {
    const home = join(folder, 'store');
    openStore({ home }).close();
    expect(JSON.parse(readFileSync(join(home, 'store.json'), 'utf8'))).toEqual({ format: 1 });
    rmSync(join(home, 'store.json'));
    openStore({ home }).close();
  });
});
