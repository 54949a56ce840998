import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { JettisonError } from '../errors/error.ts';
import { renderWarning } from '../errors/render.ts';
import { wantsColor } from '../errors/style.ts';
import { actualMode, type ProgressMode } from '../events/create-renderer.ts';
import type { BuildEvent } from '../events/event.ts';
import { TimingsRecorder } from '../events/timings-recorder.ts';
import { withoutCommands } from '../events/workflow-commands.ts';
import type { BuildFacts } from '../timings/otlp-spans.ts';
import { VERSION } from '../version.ts';
import type { Io } from './command.ts';
import { tableOptions } from './print/build-text.ts';

export interface TimingsWanted {
  /** `--timings`. */
  table: boolean;
  /** Absolute path of `--trace`. */
  trace: string | undefined;
  progress: ProgressMode;
}

/** Records a build's timings, and writes them at its end: a table, a trace file, and spans for a collector. */
export class BuildTimingsOutput {
  /** What the build records its times in. */
  readonly recorder = new TimingsRecorder();
  #facts: BuildFacts = {};

  constructor(
    private readonly wanted: TimingsWanted,
    private readonly io: Io,
  ) {}

  handle(event: BuildEvent): void {
    if (event.type === 'build.started') {
      const { dockerfile, target } = event;
      this.#facts = { dockerfile, ...(target === undefined ? {} : { target }) };
    }
    // A failure is told after the build has let go of its recorder.
    if (event.type === 'build.failed') this.recorder.apply(event);
    if (event.type === 'build.finished' && event.digest !== undefined) this.#facts.digest = event.digest;
    if (event.type === 'build.failed') this.#facts.error = event.error.message;
  }

  /** @throws JettisonError `OUTPUT_INVALID` if the trace cannot be written */
  async finish(): Promise<void> {
    const { table, trace } = this.wanted;
    await this.#send();
    if (table) await this.#print();
    if (trace !== undefined) await this.#write(trace);
  }

  async #print(): Promise<void> {
    const { stderr, env } = this.io;
    const timings = this.recorder.timings();
    if (this.wanted.progress === 'rawjson') {
      stderr.write(`${JSON.stringify({ type: 'build.timings', ...timings })}\n`);
      return;
    }
    const { timingsTable } = await import('../timings/table.ts');
    const lines = timingsTable(timings, tableOptions(stderr, env));
    const isGithub = actualMode(this.wanted.progress, stderr, env) === 'github';
    stderr.write(`\n${(isGithub ? withoutCommands(lines) : lines).join('\n')}\n`);
  }

  async #write(path: string): Promise<void> {
    const { chromeTrace } = await import('../timings/chrome-trace.ts');
    const temporary = `${path}.${process.pid}.tmp`;
    try {
      writeFileSync(temporary, chromeTrace(this.recorder.timings()));
      renameSync(temporary, path);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw new JettisonError(
        'OUTPUT_INVALID',
        `cannot write the trace ${path}: ${(error as Error).message}`,
        {
          hint: 'Give --trace a file in an existing, writable folder.',
        },
      );
    }
  }

  /** Sends the spans. A collector that cannot be reached is only a warning. */
  async #send(): Promise<void> {
    const [{ otlpSettings }, { otlpRequest }, { sendOtlp }] = await Promise.all([
      import('../timings/otlp-environment.ts'),
      import('../timings/otlp-spans.ts'),
      import('../timings/send-otlp.ts'),
    ]);
    const settings = otlpSettings(this.io.env);
    if (settings === undefined) return;
    const problem =
      typeof settings === 'string'
        ? settings
        : await sendOtlp(otlpRequest(this.recorder.timings(), this.#facts, settings, VERSION), settings);
    const isSilent = typeof settings !== 'string' && !settings.isNamed;
    if (problem === undefined || isSilent) return;
    const where = typeof settings === 'string' ? '' : ` to ${settings.endpoint.host}`;
    this.#warn(`The spans of this build could not be sent${where}: ${problem}.`);
  }

  #warn(message: string): void {
    const { stderr, env } = this.io;
    const warning = { code: 'TELEMETRY', message };
    if (this.wanted.progress === 'rawjson')
      stderr.write(`${JSON.stringify({ time: Date.now(), type: 'warning', ...warning })}\n`);
    else if (this.wanted.progress !== 'quiet')
      stderr.write(`${renderWarning(warning, { color: wantsColor(stderr, env) })}\n`);
  }
}
