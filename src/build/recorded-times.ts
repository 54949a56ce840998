import type { StepTime } from '../forecast/rebuild-time.ts';
import type { BuildRecord } from '../history/build-record.ts';

/** Number of the latest runs of an instruction that count: machines and sources change. */
const MOST_RUNS = 20;

/**
 * Durations of instructions in milliseconds: the median of their latest runs on record. An instruction is identified by
 * its text and its stage, or by its text alone where its stage has none: a proposal moves it to another one.
 *
 * @param builds latest first
 */
export function recordedTimes(builds: Iterable<BuildRecord>): StepTime {
  const runs = new Map<string, number[]>();
  for (const { steps } of builds) {
    for (const { stage, title, outcome, durationMs } of steps) {
      if (outcome !== 'done' || durationMs === undefined) continue;
      for (const name of [`${stage}\0${title}`, title]) {
        const known = runs.get(name);
        if (known === undefined) runs.set(name, [durationMs]);
        else if (known.length < MOST_RUNS) known.push(durationMs);
      }
    }
  }
  const times = new Map([...runs].map(([name, known]) => [name, median(known)]));
  return ({ id, title }) => times.get(`${id.slice(0, id.lastIndexOf('/'))}\0${title}`) ?? times.get(title);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
