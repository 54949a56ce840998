import type { Style } from '../errors/style.ts';
import { PHASES, type Phase } from '../events/phase.ts';
import type { BuildTimings } from '../events/timings.ts';
import { plural, seconds } from '../events/units.ts';
import { printable, truncate } from '../events/width.ts';
import { criticalPath, type PathSpan, parallelism } from './critical-path.ts';
import { type PartTimes, partTimes, totalOf } from './part-times.ts';

/** Shorter times round to nothing. */
const SHOWN_MS = 50;

/** The least room for names: columns of phases that do not fit beside it are summed. */
const NAME_WIDTH = 24;

/** `1h02m` and its like, and a blank before it. */
const TIME_WIDTH = 7;

/** Column heads that would be wider than times. */
const HEADS: Partial<Record<Phase, string>> = { materialise: 'files' };

export interface TableOptions {
  /** Of the terminal; without it nothing is cut. */
  columns?: number | undefined;
  paint: Style;
  /** The sign of the critical path. */
  bar: string;
  ellipsis: string;
}

/** A row of the table. */
interface Row extends PartTimes {
  title: string;
  isCritical: boolean;
}

/**
 * Where the time of a build went: a line a part, in order of time, with its phases; the critical path is marked. Parts
 * that took next to nothing are counted.
 */
export function timingsTable(timings: BuildTimings, options: TableOptions): string[] {
  const { paint, bar, ellipsis, columns = Number.POSITIVE_INFINITY } = options;
  const path = criticalPath(timings);
  const critical = new Set(path.map(({ part }) => part.id));
  const rows = timings.parts
    .filter(({ sameAs }) => sameAs === undefined)
    .map((part): Row => ({ title: part.title, isCritical: critical.has(part.id), ...partTimes(part) }));
  const shown = rows.filter(isShown).sort((a, b) => a.startMs - b.startMs);
  const phases = PHASES.filter((phase) => shown.some((row) => (row.phases.get(phase) ?? 0) >= SHOWN_MS));
  const fitting = Math.max(0, Math.floor((columns - 3 - 2 * TIME_WIDTH - NAME_WIDTH) / TIME_WIDTH));
  const [single, summed] = split(phases, shown, fitting);
  const cell = (text: string) => text.padStart(TIME_WIDTH);
  const time = (ms: number) => cell(ms < SHOWN_MS ? '' : seconds(ms));
  const heads = [
    'at',
    'time',
    ...single.map((phase) => HEADS[phase] ?? phase),
    ...(summed.length > 0 ? ['other'] : []),
  ];
  const room = columns - 1 - 2 - TIME_WIDTH * heads.length - 2;
  const lines = [paint.bold(`  ${heads.map(cell).join('')}  step`)];
  for (const row of shown) {
    const sum = (some: readonly Phase[]) => some.reduce((ms, phase) => ms + (row.phases.get(phase) ?? 0), 0);
    const cells = [
      cell(seconds(row.startMs)),
      time(row.ownMs),
      ...single.map((phase) => time(sum([phase]))),
      ...(summed.length > 0 ? [time(sum(summed))] : []),
    ];
    const title = truncate(printable(row.title), Math.max(1, room), ellipsis);
    lines.push(
      `${row.isCritical ? paint.yellow(bar) : ' '} ${cells.join('')}  ${row.isCritical ? paint.bold(title) : title}`,
    );
  }
  const hidden = rows.length - shown.length;
  if (hidden > 0)
    lines.push(paint.dim(`  … and ${plural(hidden, 'step')} of less than ${seconds(SHOWN_MS)} each`));
  return [...lines, ...summary(timings, path, options)];
}

function isShown({ ownMs, phases }: Row): boolean {
  return ownMs >= SHOWN_MS || [...phases.values()].some((ms) => ms >= SHOWN_MS);
}

/** The phases that get a column each, and those that share one: the smallest, where not all fit. */
function split(phases: readonly Phase[], rows: readonly Row[], fitting: number): [Phase[], Phase[]] {
  if (phases.length <= fitting) return [[...phases], []];
  const total = (phase: Phase) => rows.reduce((ms, row) => ms + (row.phases.get(phase) ?? 0), 0);
  const largest = [...phases].sort((a, b) => total(b) - total(a)).slice(0, Math.max(0, fitting - 1));
  return [
    phases.filter((phase) => largest.includes(phase)),
    phases.filter((phase) => !largest.includes(phase)),
  ];
}

function summary(timings: BuildTimings, path: readonly PathSpan[], { paint, bar }: TableOptions): string[] {
  const { workMs, average } = parallelism(timings);
  return [
    '',
    `${paint.yellow(bar)} ${paint.dim('critical path')}  ${seconds(totalOf(path))} of ${seconds(timings.durationMs)}`,
    `  ${paint.dim('parallelism')}    ${average.toFixed(1)}: ${seconds(workMs)} of work in ${seconds(timings.durationMs)}`,
  ];
}
