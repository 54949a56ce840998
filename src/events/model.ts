import type { BuildEvent, StepInfo, StepOutcome } from './event.ts';
import { LastLines } from './last-lines.ts';
import { Transfers } from './transfers.ts';
import { printable } from './width.ts';

/** More warnings than this are only counted. */
const KEPT_WARNINGS = 100;

export interface StepState {
  info: StepInfo;
  state: 'waiting' | 'running' | StepOutcome;
  /** Milliseconds since 1970; 0 while it waits. */
  startedAt: number;
  durationMs: number;
  progress?: string;
  /** The bytes fetched for it. */
  transfers?: Transfers;
  /** Of running and failed steps only. */
  output?: LastLines;
  /** Why it is carried out, or comes from elsewhere. */
  explained?: Event<'step.explained'>;
}

export interface ExportState {
  what: string;
  /** Something is read instead: what other machines have built. */
  isImport: boolean;
  startedAt: number;
  /** Absent while it goes on. */
  durationMs?: number;
  /** It did not get to its end. */
  broken?: true;
  transfers?: Transfers;
  /** Layers that were packed meanwhile, and the bytes of their blobs. */
  newLayers: number;
  newBytes: number;
}

type Event<T extends BuildEvent['type']> = Extract<BuildEvent, { type: T }>;

/** The state of a build from its events so far, shared by all renderers. */
export class BuildModel {
  readonly steps = new Map<string, StepState>();
  /** Steps by stage, both in the order of the plan. */
  readonly stages = new Map<string, StepState[]>();
  readonly exports: ExportState[] = [];
  /** Images that registries are asked for, and since when. */
  readonly resolving = new Map<string, number>();
  /** Layers that this build packed, and the bytes of their blobs. */
  newLayers = 0;
  newBytes = 0;
  readonly warnings: Event<'warning'>[] = [];
  warningCount = 0;
  started?: Event<'build.started'>;
  finished?: Event<'build.finished'>;
  failed?: Event<'build.failed'>;

  /** @returns the lines of output that this event completes */
  apply(event: BuildEvent): string[] {
    switch (event.type) {
      case 'build.started':
        this.started = event;
        break;
      case 'image.resolving':
        this.resolving.set(event.image, event.time);
        break;
      case 'image.resolved':
        this.resolving.delete(event.image);
        break;
      case 'build.planned':
        for (const info of event.steps) this.#add(info);
        break;
      case 'step.started': {
        const step = this.step(event.step);
        step.state = 'running';
        step.startedAt = event.time;
        break;
      }
      case 'step.output': {
        const step = this.step(event.step);
        step.output ??= new LastLines();
        delete step.progress;
        return step.output.push(event.stream, event.text);
      }
      case 'step.explained':
        this.step(event.step).explained = event;
        break;
      case 'step.progress':
        this.step(event.step).progress = event.text;
        break;
      case 'step.phase': {
        // The time that it waits is not its own.
        const step = this.steps.get(event.step);
        if (event.phase === 'queue' && step?.state === 'running') step.startedAt += event.durationMs;
        break;
      }
      case 'step.finished':
        return this.#finish(event);
      case 'export.started':
        this.#startExport(event);
        break;
      case 'transfer': {
        const owner = this.owner(event.of);
        if (owner === undefined) break;
        owner.transfers ??= new Transfers(event.direction);
        owner.transfers.apply(event.time, event);
        break;
      }
      case 'export.layer':
        if (event.reused) break;
        for (const one of [this, ...this.exports.filter(({ durationMs }) => durationMs === undefined)]) {
          one.newLayers++;
          one.newBytes += event.size;
        }
        break;
      case 'export.finished': {
        const done = this.exports.find((one) => one.what === event.what && one.durationMs === undefined);
        if (done !== undefined) done.durationMs = event.durationMs;
        break;
      }
      case 'warning':
        this.warningCount++;
        if (this.warnings.length < KEPT_WARNINGS) this.warnings.push(event);
        break;
      case 'build.finished':
        this.finished = event;
        break;
      case 'build.failed':
        this.failed = event;
        this.#endAll(event.time);
        break;
    }
    return [];
  }

  /** The step of that id; one that was not planned gets a stage-less place of its own. */
  step(id: string): StepState {
    return this.steps.get(id) ?? this.#add({ id, stage: '', index: 0, total: 0, title: id });
  }

  /** The owner of a transfer: a step, else the latest export of that name. */
  owner(id: string): StepState | ExportState | undefined {
    return this.steps.get(id) ?? this.exports.findLast(({ what }) => what === id);
  }

  /** How many steps are carried out only because another one was. */
  followers(id: string): number {
    return [...this.steps.values()].filter(({ explained }) => explained?.why.follows === id).length;
  }

  /** How many steps came to each outcome. */
  outcomes(): Record<StepOutcome, number> {
    const counts = { done: 0, cached: 0, reused: 0, failed: 0, cancelled: 0 };
    for (const { state } of this.steps.values()) {
      if (state !== 'waiting' && state !== 'running') counts[state]++;
    }
    return counts;
  }

  #add(info: StepInfo): StepState {
    const step: StepState = { info, state: 'waiting', startedAt: 0, durationMs: 0 };
    this.steps.set(info.id, step);
    const stage = this.stages.get(info.stage);
    if (stage === undefined) this.stages.set(info.stage, [step]);
    else stage.push(step);
    return step;
  }

  /** A fetch for several steps continues where it stopped. */
  #startExport({ what, time, ...event }: Event<'export.started'>): void {
    const isImport = event.import === true;
    const before = isImport ? this.exports.find((one) => one.isImport && one.what === what) : undefined;
    if (before === undefined) {
      this.exports.push({ what, isImport, startedAt: time, newLayers: 0, newBytes: 0 });
      return;
    }
    before.startedAt = time;
    delete before.durationMs;
  }

  /** Nothing goes on after a failure, whether its end was told or not. */
  #endAll(time: number): void {
    for (const step of this.steps.values()) {
      if (step.state !== 'running') continue;
      step.state = 'cancelled';
      step.durationMs = time - step.startedAt;
    }
    for (const one of this.exports) {
      if (one.durationMs !== undefined) continue;
      one.durationMs = time - one.startedAt;
      one.broken = true;
    }
    this.resolving.clear();
  }

  #finish(event: Event<'step.finished'>): string[] {
    const step = this.step(event.step);
    step.state = event.outcome;
    step.durationMs = event.durationMs;
    delete step.progress;
    const rest = step.output?.flush() ?? [];
    if (event.outcome !== 'failed') delete step.output;
    return rest;
  }
}

/** `[build 3/5] RUN npm ci`, as BuildKit names a step. */
export function stepName({ stage, index, total, title }: StepInfo): string {
  return printable(stage === '' ? title : `[${stage} ${index}/${total}] ${title}`);
}
