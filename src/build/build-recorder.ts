import { randomBytes } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import { contextSource } from '../context/context-source.ts';
import { withoutCredentials } from '../errors/safe-text.ts';
import { whyText } from '../events/cause.ts';
import type { BuildEventBody, Emit } from '../events/event.ts';
import type { BuildTimings } from '../events/timings.ts';
import { TimingsRecorder } from '../events/timings-recorder.ts';
import { trimBuilds, trimSize } from '../history/build-limits.ts';
import { BuildLog } from '../history/build-log.ts';
import type { BuildRecord, BuildStep } from '../history/build-record.ts';
import { BuildStore } from '../history/build-store.ts';
import { gitState, isDirty } from '../history/git-state.ts';
import { isSecret, Masking } from '../history/masking.ts';
import { RunningLog } from '../history/running-log.ts';
import type { StepExplainer } from '../history/step-explainer.ts';
import type { MissedStep, StepWatch } from '../history/step-watch.ts';
import { type Digest, hex, sha256 } from '../image/digest.ts';
import { formatPlatform, hostPlatform } from '../image/platform.ts';
import { processIdentity } from '../store/process-identity.ts';
import type { BuildOptions } from './options.ts';
import type { Session } from './session.ts';

const ID_LENGTH = 10;
const LETTERS = '0123456789abcdefghijklmnopqrstuvwxyz';

/**
 * Writes the record of a build while it runs. If the record cannot be written, as on a full disk, the build continues
 * without one.
 */
export class BuildRecorder {
  readonly #options: BuildOptions;
  readonly #record: BuildRecord;
  readonly #steps = new Map<string, BuildStep>();
  readonly #log = new BuildLog();
  readonly #timings: TimingsRecorder;
  readonly #startedMs: number;
  readonly #directory: string | undefined;
  #session: Session | undefined;
  #store: BuildStore | undefined;
  #explaining: Promise<StepExplainer> | undefined;
  #masking = new Masking(new Uint8Array());
  #running: RunningLog | undefined;
  #beginning: NodeJS.Timeout | undefined;
  #dirty: { answer: Promise<boolean | undefined>; stop: AbortController } | undefined;

  constructor(options: BuildOptions, startedMs: number) {
    this.#options = options;
    this.#startedMs = startedMs;
    this.#timings = options.timings ?? new TimingsRecorder();
    const { context, dockerfile, project, directory } = placesOf(options);
    this.#directory = directory;
    const { platforms, platform, target, commandLine } = options;
    this.#record = {
      version: 1,
      id: Array.from(randomBytes(ID_LENGTH), (byte) => LETTERS[byte % LETTERS.length]).join(''),
      project,
      context,
      dockerfile,
      ...(target === undefined ? {} : { target }),
      platforms: platforms ?? [platform ?? formatPlatform(hostPlatform())],
      started: new Date(startedMs).toISOString(),
      state: 'running',
      process: processIdentity,
      ...(commandLine === undefined ? {} : { command: commandLine }),
      steps: [],
    };
  }

  /**
   * Prepares the record. It is written, with the state `running`, when a step is carried out, or after 50 ms: a build
   * that has nothing to do is written once.
   */
  async begin(session: Session): Promise<void> {
    this.#session = session;
    this.#masking = new Masking(new Uint8Array(), this.#secretTexts(session));
    await this.#attempt(() => {
      const store = new BuildStore(session.store.layout);
      store.prepare();
      const git = this.#directory === undefined ? undefined : gitState(this.#directory);
      if (git !== undefined) this.#record.git = git;
      this.#store = store;
      this.#beginning = setTimeout(() => this.#recorded(async () => this.#write()), BEGINNING_MS).unref();
    });
  }

  /** An `Emit` that records each event and passes it on. */
  listening(emit: Emit): Emit {
    return (event) => {
      this.#timings.apply({ time: Date.now(), ...event });
      this.#listen(event);
      emit(event);
    };
  }

  /** @param label of the plan's platform, in builds for several platforms */
  watching(label: string | undefined): StepWatch {
    const prefix = label === undefined ? '' : `${label} `;
    return {
      missed: (step) => this.#recorded((store) => this.#missed(store, { ...step, id: prefix + step.id })),
      kept: (step) => this.#recorded(async (store) => (await this.#explainer(store)).keep(step)),
    };
  }

  /** @param definitions known definitions of steps, by id */
  async succeed(
    result: { tags: string[]; imageId?: Digest; digest?: Digest },
    definitions: ReadonlyMap<string, Digest>,
  ): Promise<void> {
    const { tags, imageId, digest } = result;
    await this.#end(definitions, {
      state: 'ok',
      ...(tags.length > 0 && { tags }),
      ...(imageId !== undefined && { imageId }),
      ...(digest !== undefined && { digest }),
    });
  }

  /** @param error of the build; it is not recorded for an interrupted build */
  async fail(error: unknown, definitions: ReadonlyMap<string, Digest>): Promise<void> {
    const isInterrupted = this.#options.signal?.aborted === true;
    const { code = 'INTERNAL', message } = error as Error & { code?: string };
    await this.#end(definitions, {
      state: isInterrupted ? 'interrupted' : 'failed',
      ...(!isInterrupted && { error: { code, message: this.#masking.text(message) } }),
    });
  }

  async #end(
    definitions: ReadonlyMap<string, Digest>,
    outcome: Pick<BuildRecord, 'state' | 'error' | 'tags' | 'imageId' | 'digest'>,
  ): Promise<void> {
    clearTimeout(this.#beginning);
    const store = this.#store;
    if (store === undefined) return;
    this.#running?.close();
    const record = this.#record;
    Object.assign(record, outcome, { durationMs: Date.now() - this.#startedMs });
    delete record.process;
    record.timings = this.#maskedTimings();
    for (const step of record.steps) {
      const definition = step.definition ?? definitions.get(step.id);
      if (definition !== undefined) step.definition = definition;
      const bytes = this.#log.bytes(step.id);
      if (bytes !== undefined) step.outputBytes = bytes;
    }
    await this.#attempt(async () => {
      const dirty = await this.#isDirty(store);
      if (record.git !== undefined && dirty !== undefined) record.git.dirty = dirty;
      if (!this.#log.isEmpty) {
        const { masked } = await import('./secret-forms.ts');
        store.putLog(record.id, this.#log.entries(masked(this.#session!.secrets)));
      }
      store.write(record);
      trimBuilds(store);
      if (this.#explaining === undefined) return;
      store.forgetPruned(record.project);
      trimSize(store);
    });
  }

  #maskedTimings(): BuildTimings {
    const { parts, ...timings } = this.#timings.timings();
    const title = (text: string) => withoutCredentials(this.#masking.text(text));
    return {
      ...timings,
      parts: parts.map((part) => ({ ...part, id: title(part.id), title: title(part.title) })),
    };
  }

  /**
   * Whether the working tree has uncommitted changes; undefined if unknown. `git status` runs while steps are executed.
   * A build without executed steps uses the answer of the last build, if that had the same commit and definitions.
   */
  async #isDirty(store: BuildStore): Promise<boolean | undefined> {
    const { git, steps, project, id } = this.#record;
    if (this.#dirty !== undefined) {
      const { answer, stop } = this.#dirty;
      const late = setTimeout(() => stop.abort(), LATE_MS);
      return answer.finally(() => clearTimeout(late));
    }
    if (git === undefined) return undefined;
    const last = store.names(project).find((one) => one.id !== id);
    const before = last === undefined ? undefined : store.read(last);
    const isSame =
      before?.git?.commit === git.commit &&
      before.steps.length === steps.length &&
      before.steps.every(({ definition }, at) => definition === steps[at]!.definition);
    return isSame ? before.git?.dirty : undefined;
  }

  #listen(event: BuildEventBody): void {
    switch (event.type) {
      case 'build.planned': {
        const { platforms } = this.#record;
        for (const { location, ...info } of event.steps) {
          const platform = platforms.find((one) => info.id.startsWith(`${one} `)) ?? platforms[0]!;
          const step: BuildStep = {
            ...info,
            title: this.#masking.text(info.title),
            // Without the platform, which is a prefix in builds for several.
            stage: info.stage.replace(`${platform} `, ''),
            ...(location === undefined ? {} : { file: location.file, line: location.line }),
            platform,
          };
          this.#steps.set(step.id, step);
          this.#record.steps.push(step);
        }
        return;
      }
      case 'step.started': {
        const step = this.#steps.get(event.step);
        if (step !== undefined) step.startedMs ??= Date.now() - this.#startedMs;
        return;
      }
      case 'step.output':
        this.#log.add(event.step, event.stream, event.text);
        this.#runningLog()?.add(event.step, event.stream, event.text);
        return;
      case 'step.finished': {
        const step = this.#steps.get(event.step);
        if (step === undefined) return;
        step.outcome = event.outcome;
        step.durationMs = event.durationMs;
        if (event.layer !== undefined) step.layer = event.layer;
      }
    }
  }

  /** Begun when a step prints something; undefined where there is no record. */
  #runningLog(): RunningLog | undefined {
    if (this.#running !== undefined || this.#store === undefined) return this.#running;
    const { secrets } = this.#session!;
    const split =
      secrets.size === 0
        ? (text: string) => ({ shown: text, rest: '' })
        : import('./secret-forms.ts').then(({ maskedStart }) => maskedStart(secrets));
    this.#running = new RunningLog(this.#store.runningLog(this.#record.id), split);
    return this.#running;
  }

  async #missed(store: BuildStore, step: MissedStep): Promise<void> {
    const explainer = await this.#explainer(store);
    const why = explainer.explain(step);
    const { title, stage } = step.facts;
    const text = whyText(why, { title, stage }, Date.now());
    this.#session!.emit({
      type: 'step.explained',
      step: step.id,
      text,
      why,
      ...(step.isElsewhere && { elsewhere: true }),
    });
    const entry = this.#steps.get(step.id);
    if (entry === undefined) return;
    entry.why = why;
    entry.definition = step.facts.definition;
    if (step.isElsewhere) entry.elsewhere = true;
    if (Object.keys(step.given).length > 0) entry.given = step.given;
    this.#write();
  }

  /** Writes the state `running`, so that a killed build has a record. */
  #write(): void {
    clearTimeout(this.#beginning);
    this.#store?.write(this.#record);
  }

  #explainer(store: BuildStore): Promise<StepExplainer> {
    if (this.#dirty === undefined && this.#directory !== undefined && this.#record.git !== undefined) {
      const stop = new AbortController();
      this.#dirty = { answer: isDirty(this.#directory, stop.signal), stop };
    }
    this.#explaining ??= import('../history/step-explainer.ts').then(({ StepExplainer }) => {
      const session = this.#session!;
      return new StepExplainer(session.store, store, this.#record, this.#secretTexts(session));
    });
    return this.#explaining;
  }

  /** Texts to mask in records: contents of secrets, and secret values of build arguments. */
  #secretTexts({ secrets }: Session): string[] {
    const given = Object.entries(this.#options.buildArgs ?? {});
    return [
      ...[...secrets.values()].map((secret) => Buffer.from(secret).toString('utf8').trim()),
      ...given.flatMap(([name, value]) => (isSecret(name, value) ? [value] : [])),
    ];
  }

  /** Runs work on the record, if `begin` was able to write one. */
  async #recorded(work: (store: BuildStore) => Promise<void>): Promise<void> {
    const store = this.#store;
    if (store !== undefined) await this.#attempt(() => work(store));
  }

  async #attempt(work: () => void | Promise<void>): Promise<void> {
    if (this.#session === undefined) return;
    try {
      await work();
    } catch (error) {
      // A full or deleted store: if this matters to the build, the build reports it.
      if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
    }
  }
}

/** Milliseconds after which a build counts as one that does something. */
const BEGINNING_MS = 50;

/** Milliseconds that the end of a build waits for git. */
const LATE_MS = 300;

/** The context and the Dockerfile of a build, and `project`, the id of builds to compare with. */
export function placesOf({ context, file }: BuildOptions) {
  const source = contextSource(context);
  const directory = source.kind === 'directory' ? real(source.path) : undefined;
  // Builds of all commits of a repository are one project.
  const place = directory ?? withoutCredentials(context).replace(/#.*$/, '');
  const dockerfile =
    file === undefined
      ? 'Dockerfile'
      : file === '-' || directory === undefined
        ? file
        : real(resolve(file)).replace(`${directory}/`, '');
  const project = hex(sha256(`${place}\0${dockerfile}`)).slice(0, 16);
  return { context: directory ?? withoutCredentials(context), dockerfile, project, directory };
}

function real(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return resolve(path);
  }
}
