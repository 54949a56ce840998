import type { BuildEvent, StepInfo, StepOutcome } from './event.ts';
import { StepOutput } from './output.ts';
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
  /** Of running and failed steps only. */
  output?: StepOutput;
}

export interface ExportState {
  what: string;
  startedAt: number;
  /** Absent while it goes on. */
  durationMs?: number;
  /** Layers that were packed meanwhile, and the bytes of their blobs. */
  newLayers: number;
  newBytes: number;
}

type Event<T extends BuildEvent['type']> = Extract<BuildEvent, { type: T }>;

/** What is known of a build from its events so far: the one state behind all renderers. */
export class BuildModel {
  readonly steps = new Map<string, StepState>();
  /** Steps by stage, both in the order of the plan. */
  readonly stages = new Map<string, StepState[]>();
  readonly exports: ExportState[] = [];
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
        step.output ??= new StepOutput();
        return step.output.push(event.stream, event.text);
      }
      case 'step.progress':
        this.step(event.step).progress = event.text;
        break;
      case 'step.finished':
        return this.#finish(event);
      case 'export.started':
        this.exports.push({ what: event.what, startedAt: event.time, newLayers: 0, newBytes: 0 });
        break;
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
        break;
    }
    return [];
  }

  /** The step of that id; one that was not planned gets a stage-less place of its own. */
  step(id: string): StepState {
    return this.steps.get(id) ?? this.#add({ id, stage: '', index: 0, total: 0, title: id });
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
