import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { VERSION } from '../../src/version.ts';
import { tempDir } from '../support/temp-dir.ts';

const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));
let home: string;

beforeAll(async () => {
  home = tempDir();
});

function start(...args: string[]): ChildProcess {
  return spawn(process.execPath, [cli, ...args], {
    env: {
      PATH: process.env['PATH'],
      JETTISON_HOME: join(home, 'store'),
      XDG_CACHE_HOME: join(home, 'cache'),
    },
  });
}

async function ended(child: ChildProcess) {
  let out = '';
  let err = '';
  child.stdout?.on('data', (data) => {
    out += data;
  });
  child.stderr?.on('data', (data) => {
    err += data;
  });
  const [code, signal] = await once(child, 'close');
  return { code, signal, out, err };
}

describe('the process', () => {
  test('says its version', async () => {
    expect(await ended(start('--version'))).toMatchObject({ code: 0, out: `${VERSION}\n`, err: '' });
  });

  test('exits with 2 when the command line is wrong', async () => {
    const { code, out, err } = await ended(start('bild', '.'));
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain('Did you mean `jettison build`?');
  });

  test('exits with 1 and one clear error when there is no Dockerfile', async () => {
    const { code, err } = await ended(start('build', home));
    expect(code).toBe(1);
    expect(err).toMatch(/^error: .*Dockerfile/m);
    expect(err).not.toContain('    at ');
  });

  test.each(['SIGINT', 'SIGTERM'] as const)('exits with 130 on %s', async (signal) => {
    const child = start('load');
    const result = ended(child);
    await storeIsInUse();
    child.kill(signal);
    expect(await result).toMatchObject({ code: 130, signal: null, out: '', err: 'error: interrupted\n' });
    await rm(join(home, 'store'), { recursive: true, force: true });
  });

  test('ends without an error when its output is closed', async () => {
    const child = start('--help');
    child.stdout?.destroy();
    expect(await ended(child)).toMatchObject({ code: 141, err: '' });
  });

  /** A lease shows that the command is at work: it waits for its input. */
  async function storeIsInUse(): Promise<void> {
    const leases = join(home, 'store', 'locks', 'use');
    while (!existsSync(leases) || readdirSync(leases).length === 0) await sleep(20);
  }
});
