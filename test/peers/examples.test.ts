import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { whyNoSandbox } from '../support/sandbox.ts';

const DEMO = fileURLToPath(new URL('../../scripts/demo.mjs', import.meta.url));

// Minutes, and packages from npm's registry: only where somebody asks for it.
it('the example with its real packages has the same digest twice', { timeout: 1_800_000 }, async (ctx) => {
  if (!process.env['JETTISON_EXAMPLES']) ctx.skip('JETTISON_EXAMPLES is not set: this installs npm packages');
  const why = whyNoSandbox();
  if (why !== undefined) ctx.skip(why);
  const child = spawn(process.execPath, [DEMO, '--twice'], { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [out, err, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  expect(code, err).toBe(0);
  expect(out.match(/sha256:[0-9a-f]{64}/g)).toHaveLength(3);
});
