import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

/** What scripts/conformance.mjs exits with when there is no engine. */
const NO_ENGINE = 3;
const SCRIPT = fileURLToPath(new URL('../../scripts/conformance.mjs', import.meta.url));

it('builds every case of test/conformance as Docker does', { timeout: 1_800_000 }, (ctx) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [SCRIPT, '--json'], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (status === NO_ENGINE) ctx.skip(stderr.trim());
  const verdicts = stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as { name: string; kind: string; lines: string[] });
  expect(verdicts.filter(({ kind }) => kind === 'different')).toEqual([]);
  expect(verdicts.length).toBeGreaterThan(200);
  expect(status, stderr).toBe(0);
});
