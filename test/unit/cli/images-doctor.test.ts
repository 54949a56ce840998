import { appendFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { command as doctor } from '../../../src/cli/commands/doctor.ts';
import { makeImage, makeLayer, makeStore, runCommand, type TestStore } from '../../support/images.ts';

let test: TestStore;
beforeEach(() => {
  test = makeStore();
});
afterEach(() => test.remove());

describe('doctor', () => {
  it('shows the machine and the ways of running RUN', async () => {
    const { code, stdout } = await runCommand(doctor, [], { home: test.home });
    expect(code).toBe(0);
    expect(stdout).toContain(`  Node      ${process.version}\n`);
    expect(stdout).toContain(test.home);
    expect(stdout).toMatch(/^ {2}[✓✗] namespaces {2}\S/m);
    // Where RUN works, the last line is about its network.
    expect(stdout.replace(/network[\s\S]*/, (text) => text.replaceAll(/\n(?=.)/g, ' '))).toMatch(
      /\n(This machine uses the rung ".*"\.\n(RUN|A RUN|Commands).*network.*|RUN does not work on this machine; .*)\.\n$/,
    );
    expect(stdout).not.toContain('\u001b');
    // All that is longer is a path.
    const long = stdout.split('\n').filter((line) => line.length > 80 && !line.includes(test.home));
    expect(long).toEqual([]);
  });

  it('says the same as JSON', async () => {
    const { stdout } = await runCommand(doctor, ['--json'], { home: test.home });
    expect(JSON.parse(stdout)).toMatchObject({
      node: process.version,
      store: { path: test.home, free: expect.any(Number) },
      rungs: [{ name: 'oci' }, { name: 'namespaces' }, { name: 'chroot' }, { name: 'none', usable: true }],
    });
  });

  it('checks the store', async () => {
    const { manifest } = await makeImage(test.store, {
      name: 'app',
      layers: [makeLayer(test.store, { a: 'a' }, true)],
    });
    const good = await runCommand(doctor, ['--store'], { home: test.home });
    expect(good.stdout).toBe(`${test.home}: 1 image, 1 layer, 3 blobs, 0 step records: nothing is wrong\n`);
    expect(good.code).toBe(0);
    appendFileSync(test.store.blobs.path(manifest.digest), ' ');
    const bad = await runCommand(doctor, ['--store'], { home: test.home });
    expect(bad.code).toBe(1);
    expect(bad.stdout).toMatch(/^problem: blob [0-9a-f]{64} has the digest/);
    expect(bad.stdout).toContain('2 problems found');
    expect(
      JSON.parse((await runCommand(doctor, ['--store', '--json'], { home: test.home })).stdout),
    ).toMatchObject({
      images: 1,
      problems: [expect.any(String), expect.any(String)],
    });
  });
});
