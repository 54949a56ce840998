import { expect, test } from 'vitest';
import type { BuildEvent } from '../../../src/events/event.ts';
import { StepOutput } from '../../../src/solve/step-output.ts';

function told(limit: number, pieces: string[]): string {
  let text = '';
  const emit = (event: { type: string }) => {
    const { type, text: more } = event as BuildEvent & { text: string };
    if (type === 'step.output') text += more;
  };
  const output = new StepOutput(emit, 'a/1', limit);
  for (const piece of pieces) output.add('stdout', Buffer.from(piece));
  output.end();
  return text;
}

test('what is not too long is told as it is', () => {
  expect(told(100, ['one\n', 'two\n'])).toBe('one\ntwo\n');
});

test('a little too much is told, too', () => {
  const pieces = Array.from({ length: 50 }, (_, i) => `line ${i}\n`);
  expect(told(100, pieces)).toBe(pieces.join(''));
});

test('of far too much the beginning and the end are told, and how much is not', () => {
  const pieces = Array.from({ length: 5000 }, (_, i) => `${String(i).padStart(99)}\n`);
  const text = told(1000, pieces);
  const [, dropped] = /\n\[(\d+) characters of output are left out here\]\n/.exec(text)!;
  expect(text.length).toBeLessThan(70_000);
  expect(text.startsWith(pieces.slice(0, 10).join(''))).toBe(true);
  expect(text.endsWith(pieces.slice(-600).join(''))).toBe(true);
  const note = `\n[${dropped} characters of output are left out here]\n`;
  expect(text.length - note.length + Number(dropped)).toBe(500_000);
});

test('characters that come in two pieces stay whole', () => {
  let text = '';
  const output = new StepOutput((event) => {
    if (event.type === 'step.output') text += event.text;
  }, 'a/1');
  const bytes = Buffer.from('aäb');
  output.add('stdout', bytes.subarray(0, 2));
  output.add('stdout', bytes.subarray(2));
  expect(text).toBe('aäb');
});
