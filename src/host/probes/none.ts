import type { Rung } from './probe.ts';

export function probeNone(): Rung {
  return {
    name: 'none',
    usable: true,
    reason: 'COPY, ADD and all instructions that only describe need nothing (build --isolation none)',
  };
}
