import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ORDERS } from '../../src/versions/orders.ts';
import { SEED } from '../support/seed.ts';

const PAIRS = 4000;

/** Versions that a distribution really has, and some that only a fuzzer would make. */
function pairs(real: string[], isVersion: (text: string) => boolean): [string, string][] {
  const odd = fc
    .array(fc.constantFrom('0', '1', '09', '10', 'a', 'rc', '~', '+', '.', '-1', '+b1', '~deb12u1'), {
      maxLength: 7,
    })
    .map((parts) => `1${parts.join('')}`)
    .filter(isVersion);
  const one = fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...real.filter(isVersion)) }, odd);
  return fc.sample(fc.tuple(one, one), { numRuns: PAIRS, seed: SEED });
}

function output(program: string, ...args: string[]): string {
  return spawnSync(program, args, { encoding: 'utf8', maxBuffer: 1 << 28 }).stdout ?? '';
}

describe('the order of versions equals', () => {
  test("dpkg's", (ctx) => {
    if (output('dpkg', '--version') === '') ctx.skip('there is no dpkg');
    const real = output('apt-cache', 'dumpavail').match(/(?<=^Version: ).*$/gm) ?? [
      '1.0-1',
      '1:2.3~rc1-1+b2',
    ];
    const asked = pairs(real, ORDERS.deb.isVersion);
    // One process for all: each line is the answer for one pair.
    const script =
      'while read -r a b; do if dpkg --compare-versions "$a" lt "$b"; then echo -1; elif dpkg --compare-versions "$a" eq "$b"; then echo 0; else echo 1; fi; done';
    const { stdout } = spawnSync('sh', ['-c', script], {
      encoding: 'utf8',
      input: asked.map(([a, b]) => `${a} ${b}\n`).join(''),
    });
    const answers = stdout.trim().split('\n').map(Number);
    expect(answers).toHaveLength(PAIRS);
    expect(asked.map(([a, b]) => [a, b, Math.sign(ORDERS.deb.compare(a, b))])).toEqual(
      asked.map(([a, b], at) => [a, b, answers[at]]),
    );
  });

  test("rpm's", (ctx) => {
    if (output('rpmlua', '--help') === '') ctx.skip('there is no rpm');
    const real = output('apt-cache', 'dumpavail').match(/(?<=^Version: (?:\d+:)?)[^:\n]*$/gm) ?? ['1.0-1'];
    const parts = (version: string) => version.split('-')[0]!;
    const isPart = (text: string) => ORDERS.rpm.isVersion(text) && !text.includes('-');
    const asked = pairs(real.map(parts), isPart);
    const lua = `for line in io.lines() do local a, b = line:match("(%S+) (%S+)"); print(rpm.vercmp(a, b)) end`;
    const { stdout } = spawnSync('rpmlua', ['-e', lua], {
      encoding: 'utf8',
      input: asked.map(([a, b]) => `${a} ${b}\n`).join(''),
    });
    const answers = stdout.trim().split('\n').map(Number);
    expect(answers).toHaveLength(PAIRS);
    expect(asked.map(([a, b]) => [a, b, Math.sign(ORDERS.rpm.compare(a, b))])).toEqual(
      asked.map(([a, b], at) => [a, b, answers[at]]),
    );
  });
});
