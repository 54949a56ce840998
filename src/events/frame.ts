import type { Style } from '../errors/style.ts';
import { causesText, isFirst } from './cause.ts';
import type { Glyphs } from './glyphs.ts';
import type { BuildModel, ExportState, StepState } from './model.ts';
import type { Transfers } from './transfers.ts';
import { plural, seconds, size } from './units.ts';
import { displayWidth, printable, truncate } from './width.ts';

export interface FrameOptions {
  columns: number;
  /** The most lines the frame may have; without it the frame is whole, as it stays when the build is over. */
  rows?: number;
  /** Milliseconds since 1970. */
  now: number;
  paint: Style;
  glyphs: Glyphs;
}

/** The parts to leave out so that a frame fits. */
interface Folds {
  foldDone: boolean;
  foldWaiting: boolean;
  foldStages: boolean;
}

/** How a frame is drawn: folded, and with how many lines below what goes on; none where it is not in there. */
interface Detail extends Folds {
  said: ReadonlyMap<StepState | ExportState, number>;
}

/** From nothing to nearly everything. */
const FOLDS: readonly Folds[] = [
  { foldDone: false, foldWaiting: false, foldStages: false },
  { foldDone: false, foldWaiting: true, foldStages: false },
  { foldDone: true, foldWaiting: true, foldStages: false },
  { foldDone: true, foldWaiting: true, foldStages: true },
];

const NOTHING_SAID: ReadonlyMap<StepState | ExportState, number> = new Map();

/** `  ✓ cached  `: what stands before a step's title. */
const STATUS_WIDTH = 6;

/** Between a step's title and why it ran, and the least room for that. */
const NOTE_GAP = '   ';
const LEAST_NOTE = 24;

/** With less room than this for what is built, the header does without counts and time. */
const MIN_HEADER = 12;

/**
 * The live view as lines, none wider than the terminal: the stages with their steps, running ones with their seconds and
 * as many of their last lines as there is room for. Steps are folded when not each running one can have a line.
 */
export function frame(model: BuildModel, options: FrameOptions): string[] {
  const { rows } = options;
  if (rows === undefined) return body(model, options, { ...FOLDS[0]!, said: NOTHING_SAID });
  const wanted = linesWanted(model, options.now);
  let lines: string[] = [];
  let spare = 0;
  let folds = FOLDS[0]!;
  for (folds of FOLDS) {
    lines = [header(model, options), ...body(model, options, { ...folds, said: NOTHING_SAID })];
    spare = rows - lines.length;
    if (spare >= wanted.size) break;
  }
  if (spare <= 0 || wanted.size === 0) return lines.slice(0, rows);
  return [header(model, options), ...body(model, options, { ...folds, said: shared(wanted, spare) })];
}

/** How many lines there are to say of all that goes on. */
function linesWanted(model: BuildModel, now: number): Map<StepState | ExportState, number> {
  const running = [...model.steps.values()].filter(({ state }) => state === 'running');
  const all: [StepState | ExportState, number][] = [
    ...running.map((step): [StepState, number] => [step, saidOf(step, now).length]),
    ...model.exports.map((one): [ExportState, number] => [one, movingOf(one, now).length]),
  ];
  return new Map(all.filter(([, lines]) => lines > 0));
}

/** Hands out lines one by one, in turn, until all are gone or nobody wants more. */
function shared<T>(wanted: ReadonlyMap<T, number>, lines: number): Map<T, number> {
  const given = new Map([...wanted.keys()].map((one) => [one, 0]));
  let left = lines;
  for (let isServed = true; isServed && left > 0; ) {
    isServed = false;
    for (const [one, most] of wanted) {
      const had = given.get(one)!;
      if (left === 0 || had === most) continue;
      given.set(one, had + 1);
      left--;
      isServed = true;
    }
  }
  return given;
}

function header(model: BuildModel, { now, paint, glyphs, columns }: FrameOptions): string {
  const { started } = model;
  const total = model.steps.size;
  const over = [...model.steps.values()].filter(isOver).length;
  const target = started?.target === undefined ? '' : ` ${glyphs.arrow} ${started.target}`;
  const time = started === undefined ? '' : seconds(now - started.time);
  const right = total === 0 ? time : `${over}/${total} steps  ${time}`;
  const left = printable(`Building ${started?.dockerfile ?? ''}${target}`);
  const room = columns - 1 - displayWidth(right) - 2;
  if (room < MIN_HEADER) return paint.bold(truncate(left, columns - 1, glyphs.ellipsis));
  return `${paint.bold(truncate(left, room, glyphs.ellipsis))}  ${paint.dim(right)}`;
}

function body(model: BuildModel, options: FrameOptions, detail: Detail): string[] {
  const lines: string[] = [];
  for (const [image, startedAt] of model.resolving) {
    const time = seconds(options.now - startedAt);
    lines.push(statusLine(options.paint.cyan(spinner(options)), time, `resolving ${image}`, options));
  }
  for (const [stage, steps] of model.stages) {
    if (detail.foldStages && !steps.some(isActive)) continue;
    lines.push(...stageLines(stage, steps, model, options, detail));
  }
  const imports = model.exports.filter(({ isImport }) => isImport);
  const exports = model.exports.filter(({ isImport }) => !isImport);
  for (const [title, group] of [
    ['shared', imports],
    ['image', exports],
  ] as const) {
    if (group.length === 0) continue;
    lines.push(options.paint.bold(title));
    for (const one of group) lines.push(...exportLines(one, options, detail));
  }
  return lines;
}

function stageLines(
  stage: string,
  steps: StepState[],
  model: BuildModel,
  options: FrameOptions,
  detail: Detail,
): string[] {
  const { paint, glyphs, columns } = options;
  const lines = stage === '' ? [] : [paint.bold(truncate(printable(stage), columns - 1, glyphs.ellipsis))];
  const over = steps.filter((step) => isOver(step) && step.state !== 'failed');
  const waiting = steps.filter((step) => step.state === 'waiting');
  if (detail.foldDone && over.length > 1) {
    lines.push(statusLine(paint.green(glyphs.done), '', paint.dim(plural(over.length, 'step')), options));
  }
  for (const step of steps) {
    if (detail.foldDone && over.length > 1 && over.includes(step)) continue;
    if (detail.foldWaiting && waiting.length > 1 && step.state === 'waiting') continue;
    lines.push(...stepLines(step, model, options, detail));
  }
  if (detail.foldWaiting && waiting.length > 1) {
    lines.push(statusLine(glyphs.waiting, '', `${waiting.length} more`, options, paint.dim));
  }
  return lines;
}

function stepLines(step: StepState, model: BuildModel, options: FrameOptions, detail: Detail): string[] {
  const { paint, glyphs, now } = options;
  const { index, total } = step.info;
  const why = reasonOf(step, model);
  // As `debug --at STAGE/NUMBER` takes it.
  const title = index === 0 ? step.info.title : `${index}/${total} ${step.info.title}`;
  switch (step.state) {
    case 'waiting':
      return [statusLine(glyphs.waiting, '', title, options, paint.dim)];
    case 'cached':
      return [
        statusLine(
          paint.green(glyphs.done),
          paint.cyan('cached'),
          withTime(title, step),
          options,
          undefined,
          why,
        ),
      ];
    case 'reused':
      return [statusLine(paint.green(glyphs.done), paint.magenta('reused'), title, options, undefined, why)];
    case 'done':
      return [
        statusLine(
          paint.green(glyphs.done),
          seconds(step.durationMs),
          withBytes(title, step.transfers),
          options,
          undefined,
          why,
        ),
      ];
    case 'failed':
      return [
        statusLine(
          paint.red(glyphs.failed),
          paint.red(seconds(step.durationMs)),
          title,
          options,
          paint.red,
          why,
        ),
      ];
    case 'cancelled':
      return [statusLine(glyphs.cancelled, '', title, options, paint.dim)];
  }
  const time = seconds(now - step.startedAt);
  const line = statusLine(paint.cyan(spinner(options)), time, title, options, undefined, why);
  const lines = detail.said.get(step) ?? 0;
  return lines === 0 ? [line] : [line, ...saidLines(saidOf(step, now).slice(-lines), options)];
}

/** What there is to say of a running step: its last lines, and what it does now if it does not say that itself. */
function saidOf(step: StepState, now: number): string[] {
  const said = (step.output?.last() ?? []).map(printable).filter((line) => line.trim() !== '');
  const doing = step.transfers?.now(now) || step.progress;
  return doing === undefined ? said : [...said, doing];
}

/** What moves for an export that goes on. */
function movingOf({ durationMs, transfers }: ExportState, now: number): string[] {
  const moving = durationMs === undefined ? (transfers?.now(now) ?? '') : '';
  return moving === '' ? [] : [moving];
}

function saidLines(said: string[], { paint, glyphs, columns }: FrameOptions): string[] {
  const indent = ' '.repeat(STATUS_WIDTH + 6);
  const room = columns - 1 - indent.length - 2;
  if (room <= 0) return [];
  return said.map(
    (line) => `${indent}${paint.dim(`${glyphs.bar} ${truncate(line, room, glyphs.ellipsis)}`)}`,
  );
}

/** A base image that was here, and had to be unpacked. */
function withTime(title: string, { transfers, durationMs }: StepState): string {
  return transfers === undefined || durationMs < 1000
    ? title
    : `${title} (unpacked in ${seconds(durationMs)})`;
}

/** A title with how much was fetched for it. */
function withBytes(title: string, transfers: Transfers | undefined): string {
  const moved = transfers?.moved ?? 0;
  return moved === 0 ? title : `${title} (${size(moved)})`;
}

function exportLines(one: ExportState, options: FrameOptions, detail: Detail): string[] {
  const { paint, glyphs, now } = options;
  const { newLayers, newBytes, transfers } = one;
  const packed = newLayers === 0 ? '' : `, ${plural(newLayers, 'new layer')} (${size(newBytes)})`;
  const title = `${withBytes(one.what, transfers)}${packed}`;
  if (one.broken) return [statusLine(glyphs.cancelled, '', title, options, paint.dim)];
  const over = one.durationMs !== undefined;
  const sign = over ? paint.green(glyphs.done) : paint.cyan(spinner(options));
  const line = statusLine(sign, seconds(one.durationMs ?? now - one.startedAt), title, options);
  return detail.said.has(one) ? [line, ...saidLines(movingOf(one, now), options)] : [line];
}

/** Why a step is carried out, in so many words as its line may have; nothing for one that only follows. */
function reasonOf({ info, explained }: StepState, model: BuildModel): string {
  if (explained === undefined || explained.why.follows !== undefined) return '';
  if (isFirst(explained.why)) return '';
  const more = model.followers(info.id);
  const text = causesText(explained.why, info);
  return more === 0 ? text : `${text}; ${plural(more, 'step')} follow${more === 1 ? 's' : ''}`;
}

/** `  ✓   0.4s  title`, and dim behind it what is worth a `note`, as far as there is room. */
function statusLine(
  sign: string,
  status: string,
  title: string,
  { columns, glyphs, paint }: FrameOptions,
  paintTitle: (text: string) => string = (text) => text,
  note = '',
): string {
  const pad = ' '.repeat(Math.max(0, STATUS_WIDTH - displayWidth(printable(status))));
  const room = columns - 1 - STATUS_WIDTH - 6;
  const fits = truncate(printable(title), room, glyphs.ellipsis);
  const left = room - displayWidth(fits) - NOTE_GAP.length;
  const noted =
    note === '' || left < LEAST_NOTE
      ? ''
      : NOTE_GAP + paint.dim(truncate(printable(note), left, glyphs.ellipsis));
  return `  ${sign === glyphs.waiting || sign === glyphs.cancelled ? paintTitle(sign) : sign} ${pad}${status}  ${paintTitle(fits)}${noted}`;
}

function spinner({ glyphs, now }: FrameOptions): string {
  return glyphs.spinner[Math.floor(now / 80) % glyphs.spinner.length]!;
}

function isOver(step: StepState): boolean {
  return step.state !== 'waiting' && step.state !== 'running';
}

function isActive(step: StepState): boolean {
  return step.state === 'running' || step.state === 'failed';
}
