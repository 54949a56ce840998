import type { Rung } from './probe.ts';

export function probeNone(): Rung {
  return {
    name: 'none',
    usable: true,
    reason: 'no RUN; COPY, ADD and metadata instructions work everywhere (build --isolation none)',
  };
}
