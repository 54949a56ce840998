import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ExecOutput, OutputLimit } from '../../../src/protocol/exec-request.ts';
import { OutputCap } from '../../../src/protocol/output-cap.ts';

async function passed(limit: OutputLimit | undefined, pieces: string[]): Promise<ExecOutput[]> {
  const all: ExecOutput[] = [];
  const cap = new OutputCap(limit, async (output) => {
    all.push(output);
  });
  for (const piece of pieces) await cap.add({ stream: 'stdout', data: Buffer.from(piece) });
  await cap.end();
  return all;
}

const text = (outputs: ExecOutput[]) => outputs.map(({ data }) => Buffer.from(data).toString()).join('');
const dropped = (outputs: ExecOutput[]) => outputs.reduce((sum, one) => sum + (one.dropped ?? 0), 0);

test('without a limit everything is passed on', async () => {
  const pieces = Array.from({ length: 50 }, (_, i) => `line ${i}\n`);
  const all = await passed(undefined, pieces);
  expect(text(all)).toBe(pieces.join(''));
});

test('a little too much is passed on, too', async () => {
  const pieces = Array.from({ length: 50 }, (_, i) => `line ${i}\n`);
  const all = await passed({ head: 100, tail: 1000 }, pieces);
  expect(text(all)).toBe(pieces.join(''));
  expect(dropped(all)).toBe(0);
});

test('of far too much the beginning and the end are passed on, from the beginning of a line', async () => {
  const pieces = Array.from({ length: 500 }, (_, i) => `${String(i).padStart(98)}.\n${'x'.repeat(99)}\n`);
  const all = await passed({ head: 1000, tail: 2000 }, pieces);
  const whole = text(all);
  expect(whole.startsWith(pieces.slice(0, 5).join(''))).toBe(true);
  expect(whole.endsWith(pieces.slice(-9).join(''))).toBe(true);
  const end = all.findIndex((one) => one.dropped !== undefined);
  expect(text(all.slice(end))).toMatch(/^x{99}\n/);
  expect(whole.length + dropped(all)).toBe(pieces.join('').length);
});

test('for any output, order is kept, and every byte is passed on or counted', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.stringMatching(/^[a-z\n]{0,40}$/), { maxLength: 60 }),
      fc.nat(200),
      fc.nat(200),
      async (pieces, head, tail) => {
        const all = await passed({ head, tail }, pieces);
        const input = pieces.join('');
        const cut = all.findIndex((one) => one.dropped !== undefined);
        const [before, after] =
          cut === -1 ? [text(all), ''] : [text(all.slice(0, cut)), text(all.slice(cut))];
        expect(input.startsWith(before)).toBe(true);
        expect(input.endsWith(after)).toBe(true);
        expect(before.length + dropped(all) + after.length).toBe(input.length);
      },
    ),
  );
});
