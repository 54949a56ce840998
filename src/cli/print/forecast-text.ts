import type { ForecastResult } from '../../build/forecast.ts';
import { style, wantsColor } from '../../errors/style.ts';
import { plural, seconds } from '../../events/units.ts';
import type { StepForecast } from '../../forecast/run-counts.ts';
import type { Io } from '../command.ts';
import { oneLine, table } from './docker-units.ts';
import { wrapped } from './wrap.ts';

const MOST_FILES = 10;

/** A forecast for people. */
export function forecastText(
  found: ForecastResult,
  { asCommitted = false }: { asCommitted?: boolean },
  io: Pick<Io, 'stdout' | 'env'>,
): string {
  const { bold } = style(wantsColor(io.stdout, io.env));
  const columns = io.stdout.isTTY === true ? (io.stdout.columns ?? 80) : Number.POSITIVE_INFINITY;
  const paragraph = (text: string) => `${wrapped(text, '', Math.min(columns, 100)).join('\n')}\n`;
  const parts = [paragraph(headline(found, asCommitted))];
  if (found.commits > 0) {
    parts.push(stepTable(found, columns, bold));
    parts.push(...notes(found).map(paragraph));
    if (found.files.length > 0) parts.push(fileTable(found, columns, bold));
    if (found.proposals.length > 0) parts.push(proposalList(found, paragraph, bold));
  }
  parts.push(...reservations(found).map(paragraph));
  return `${parts.join('\n')}`;
}

function headline({ commits, branch, from, to, dockerfile }: ForecastResult, asCommitted: boolean): string {
  const of = branch === undefined ? '' : ` of ${oneLine(branch)}`;
  if (from === undefined || commits === 0) {
    return `Nothing to forecast from: of the commits${of} none has one before it that can be built.`;
  }
  const range = `${day(from.time)} to ${day(to.time)}, ${from.commit.slice(0, 8)} to ${to.commit.slice(0, 8)}`;
  const recipe = asCommitted ? "each commit's own Dockerfile" : `today's ${oneLine(dockerfile)}`;
  return `${plural(commits, 'commit')}${of} (${range}), each as if built with ${recipe} after the one before it.`;
}

function day(time: number): string {
  const date = new Date(time * 1000);
  return Number.isNaN(date.getTime()) ? '?' : date.toISOString().slice(0, 10);
}

function stepTable(
  { steps, commits }: ForecastResult,
  columns: number,
  bold: (text: string) => string,
): string {
  const rows = steps.map((step) => [
    String(step.line),
    step.title,
    range(step),
    `${Math.round((100 * step.runs) / commits)}%`,
    step.ms === undefined ? (step.kind === 'run' ? 'unknown' : '') : seconds(step.ms),
    step.files
      .slice(0, 3)
      .map(({ path, commits }) => `${path} ${commits}`)
      .join(', '),
  ]);
  const heads = ['LINE', 'INSTRUCTION', 'RUNS', 'SHARE', 'ONE RUN', 'MOST OFTEN WITH'];
  const text = table([heads, ...rows], { columns, shrink: [1, 5] });
  return emphasized(text, bold);
}

/** `12`, or `0–12` where it depends on what a command makes. */
function range({ runs, runsAtLeast }: StepForecast): string {
  return runs === runsAtLeast ? String(runs) : `${runsAtLeast}–${runs}`;
}

function fileTable({ files }: ForecastResult, columns: number, bold: (text: string) => string): string {
  const rows = files
    .slice(0, MOST_FILES)
    .map(({ path, runs, commits, alone }) => [path, String(runs), String(commits), String(alone)]);
  const heads = ['FILE', 'RUNS', 'COMMITS', 'ALONE'];
  const more =
    files.length > MOST_FILES ? `… and ${plural(files.length - MOST_FILES, 'file')} more (--json)\n` : '';
  return emphasized(table([heads, ...rows], { columns, shrink: [0] }), bold) + more;
}

function emphasized(text: string, bold: (text: string) => string): string {
  const end = text.indexOf('\n');
  return bold(text.slice(0, end)) + text.slice(end);
}

function notes({ steps, commits, rebuild }: ForecastResult): string[] {
  const { nothing, expectedMs, p90Ms, unknown } = rebuild;
  const said: string[] = [];
  const known = unknown.length === 0 ? '' : 'without the instructions whose time is unknown, ';
  // What is left of the time are copies, which take next to none.
  const isAllUnknown = p90Ms < 50 && unknown.length > 0;
  if (!isAllUnknown) {
    said.push(
      `A build takes ${seconds(expectedMs)} on average, ${known}and at most ${seconds(p90Ms)} in nine of ten commits.`,
    );
  }
  if (unknown.length > 0) {
    const lines = unknown.map(({ line }) => line).sort((a, b) => a - b);
    const isMany = lines.length > 1;
    said.push(
      `How long ${isMany ? 'lines' : 'line'} ${lines.join(', ')} ${isMany ? 'take' : 'takes'} is unknown: no build of ` +
        `${isMany ? 'them' : 'it'} is on record here.`,
    );
  }
  said.push(`${nothing} of ${plural(commits, 'commit')} ${nothing === 1 ? 'makes' : 'make'} nothing run.`);
  if (steps.some(({ runs, runsAtLeast }) => runs !== runsAtLeast)) {
    said.push(
      'Two numbers: the first if commands make the same of other inputs, the second if they make something else.',
    );
  }
  return said;
}

function proposalList(
  { proposals }: ForecastResult,
  paragraph: (text: string) => string,
  bold: (text: string) => string,
): string {
  const lines = proposals.map(({ id, summary, reservation, before, after }) => {
    const changes = [
      fewer(before.commands, after.commands, 'commands'),
      fewer(before.copies, after.copies, 'copies'),
      faster(before.expectedMs, after.expectedMs),
      reservation,
    ].filter((change) => change !== undefined);
    return `${bold(id)}\n${paragraph(`  ${capital(oneLine(summary))}: ${changes.join('; ')}.`)}`;
  });
  const hint =
    'Each alone. `--apply` makes them all, or those named with --only, if the image stays the same.';
  return `${bold('PROPOSALS')}\n${lines.join('')}${paragraph(hint)}`;
}

function fewer(before: number, after: number, what: string): string | undefined {
  return before === after ? undefined : `${what} run ${after} times, not ${before}`;
}

/** Undefined where one of the times is unknown. */
function faster(before: number | undefined, after: number | undefined): string | undefined {
  if (before === undefined || after === undefined || seconds(before) === seconds(after)) return undefined;
  return `a build takes ${seconds(after)} on average, not ${seconds(before)}`;
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

function reservations(found: ForecastResult): string[] {
  const { failed, isCutShort, unavailable } = found;
  const said: string[] = [];
  if (failed.length > 0) {
    const { commit, message } = failed.at(-1)!;
    said.push(
      `${plural(failed.length, 'commit')} cannot be built like this and ${failed.length === 1 ? 'is' : 'are'} left out; ` +
        `the latest, ${commit.slice(0, 8)}: ${oneLine(message)}.`,
    );
  }
  if (isCutShort) {
    said.push('The clone is shallow: `git fetch --unshallow` brings the commits before these.');
  }
  if (unavailable.length > 0) {
    said.push(
      `The base ${unavailable.map(oneLine).join(', ')} is not available: nothing is known of its files and its config.`,
    );
  }
  return said;
}
