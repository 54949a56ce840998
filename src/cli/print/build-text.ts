import { type Style, style, wantsColor } from '../../errors/style.ts';
import { agoText, causeText } from '../../events/cause.ts';
import { glyphsFor } from '../../events/glyphs.ts';
import { seconds } from '../../events/units.ts';
import { printable } from '../../events/width.ts';
import type { BuildRecord, BuildStep } from '../../history/build-record.ts';
import type { BuildStore } from '../../history/build-store.ts';
import { stateOf } from '../../history/find-build.ts';
import { changedBelow } from '../../history/why-reused.ts';
import type { TableOptions } from '../../timings/table.ts';
import type { Io } from '../command.ts';

/** `[build 2/5] COPY src /src`, as progress names it. */
export function nameOfStep({ stage, index, total, title }: BuildStep): string {
  return printable(stage === '' ? title : `[${stage} ${index}/${total}] ${title}`);
}

/** One line on a build: `k3x9f2a7bd  ok in 0.9s, 12 minutes ago`. */
export function buildHead(build: BuildRecord, io: Io): string {
  const paint = style(wantsColor(io.stdout, io.env));
  const state = stateOf(build);
  const shown = state === 'ok' ? paint.green(state) : state === 'running' ? state : paint.red(state);
  const time = build.durationMs === undefined ? '' : ` in ${seconds(build.durationMs)}`;
  const ago = agoText(Date.now() - Date.parse(build.started));
  return `${paint.bold(build.id)}  ${shown}${time}, ${ago}  ${paint.dim(printable(`${build.dockerfile} in ${build.context}`))}`;
}

/** Facts of a build besides its result, by the names that they are shown under. */
export function buildFacts(build: BuildRecord): [name: string, value: string][] {
  const { command, git, tags, imageId, error, target, platforms } = build;
  const branch = git?.branch === undefined ? '' : ` (${git.branch})`;
  const facts: [string, string | undefined][] = [
    ['Flags', command?.join(' ')],
    ['Commit', git && `${git.commit}${branch}${git.dirty ? ', with changes' : ''}`],
    ['Target', target],
    ['For', platforms.join(', ')],
    ['Image', imageId],
    ['Tags', tags?.join(', ')],
    ['Error', error?.message],
  ];
  return facts.flatMap(([name, value]) => (value ? [[name, value]] : []));
}

/** Why a step did, or did not, run: its name, and a line for each fact that differs. */
export function stepReasons(step: BuildStep, build: BuildRecord, store: BuildStore, io: Io): string[] {
  const paint = style(wantsColor(io.stdout, io.env));
  const head = `${paint.bold(nameOfStep(step))}  ${outcomeText(step, paint)}`;
  return [head, ...reasons(step, build, store).map((line) => `  ${printable(line)}`)];
}

function outcomeText({ outcome, durationMs = 0, elsewhere, why }: BuildStep, paint: Style): string {
  if (elsewhere) return paint.cyan('from another machine');
  switch (outcome) {
    case undefined:
      return why === undefined ? paint.dim('not reached') : paint.red('not finished');
    case 'done':
      return paint.green(`executed in ${seconds(durationMs)}`);
    case 'failed':
      return paint.red(`failed after ${seconds(durationMs)}`);
    default:
      return paint.cyan(outcome);
  }
}

function reasons(step: BuildStep, build: BuildRecord, store: BuildStore): string[] {
  const { why, outcome } = step;
  if (why !== undefined) {
    const by = build.steps.find(({ id }) => id === why.follows);
    const lines = why.causes.map((cause) => causeText(cause, step));
    if (why.more !== undefined) lines.push(`… and ${why.more} more`);
    if (why.since !== undefined) lines.push(`compared with build ${why.since.build}`);
    return by === undefined ? lines : [`follows from ${nameOfStep(by)}`, ...lines.map((line) => `  ${line}`)];
  }
  if (outcome !== 'cached' && outcome !== 'reused') return [];
  const below = outcome === 'reused' ? changedBelow(store, build, step) : [];
  if (below.length === 0) return ['nothing it reads changed'];
  return [
    'nothing it reads changed, although below it',
    ...below.map((cause) => `  ${causeText(cause, step)}`),
  ];
}

/** How a table of timings looks where it is printed: colours, signs, and the width of a terminal. */
export function tableOptions(stream: Io['stdout'], env: Io['env']): TableOptions {
  const { critical, ellipsis } = glyphsFor(env);
  return {
    columns: stream.isTTY ? stream.columns || 80 : undefined,
    paint: style(wantsColor(stream, env)),
    bar: critical,
    ellipsis,
  };
}
