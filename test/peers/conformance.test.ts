import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

/** What scripts/conformance.mjs exits with when there is nothing to compare with. */
const NO_ENGINE = 3;
const SCRIPT = fileURLToPath(new URL('../../scripts/conformance.mjs', import.meta.url));

// Hundreds of builds: only where somebody asks for them.
it('builds every case of test/conformance as Docker does', { timeout: 3_600_000 }, async (ctx) => {
  if (!process.env['JETTISON_PEER_DOCKER']) ctx.skip('JETTISON_PEER_DOCKER names no engine to compare with');
  const child = spawn(process.execPath, [SCRIPT, '--json'], { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [stdout, stderr, status] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  if (status === NO_ENGINE) ctx.skip(stderr.trim());
  const verdicts = stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as { name: string; kind: string; lines: string[] });
  expect(verdicts.filter(({ kind }) => kind === 'different')).toEqual([]);
  expect(verdicts.length).toBeGreaterThan(200);
  expect(status, stderr).toBe(0);
});
