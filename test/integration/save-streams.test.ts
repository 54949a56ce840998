import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CLI } from '../support/build.ts';
import { makeImage, makeLayer, makeStore, type TestStore } from '../support/images.ts';

let here: TestStore;
beforeEach(async () => {
  here = makeStore();
  await makeImage(here.store, {
    name: 'app',
    layers: [makeLayer(here.store, { a: randomBytes(1 << 20).toString('hex') })],
  });
});
afterEach(() => here.remove());

const shell = (command: string) =>
  spawnSync('bash', ['--norc', '-c', command], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], JETTISON_HOME: here.home, NODE: process.execPath, CLI },
  });

test('save reports a full device', () => {
  const { status, stderr } = shell('"$NODE" "$CLI" save app > /dev/full');
  expect(stderr).toBe(
    'error: cannot write to standard output: no space left there\nhint: Free some space, or write elsewhere.\n',
  );
  expect(status).toBe(1);
});

test('save reports a reader that closes the pipe', () => {
  const { status, stderr } = shell('set -o pipefail; "$NODE" "$CLI" save app | true');
  expect(stderr).toBe('error: standard output was closed: the archive is incomplete\n');
  expect(status).toBe(141);
});
