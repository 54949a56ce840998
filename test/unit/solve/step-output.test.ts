import { expect, test } from 'vitest';
import type { BuildEvent } from '../../../src/events/event.ts';
import { StepOutput } from '../../../src/solve/step-output.ts';

type Told = Extract<BuildEvent, { type: 'step.output' }>;

function telling(): { output: StepOutput; told: [string, string][] } {
  const told: [string, string][] = [];
  const emit = (event: { type: string }) => {
    const { stream, text } = event as Told;
    told.push([stream, text]);
  };
  return { output: new StepOutput(emit, 'a/1'), told };
}

test('characters that come in two pieces stay whole', () => {
  const { output, told } = telling();
  const bytes = Buffer.from('aäb');
  output.add({ stream: 'stdout', data: bytes.subarray(0, 2) });
  output.add({ stream: 'stdout', data: bytes.subarray(2) });
  expect(told.map(([, text]) => text).join('')).toBe('aäb');
});

test('dropped output is counted, and ends an unfinished line', () => {
  const { output, told } = telling();
  output.add({ stream: 'stdout', data: Buffer.from('aä').subarray(0, 2) });
  output.add({ stream: 'stdout', data: Buffer.from('end'), dropped: 123 });
  expect(told).toEqual([
    ['stdout', 'a'],
    ['stdout', '\uFFFD'],
    ['stderr', '\n[123 bytes of output are left out here]\n'],
    ['stdout', 'end'],
  ]);
});
