import type { Emit } from '../events/event.ts';
import type { ExecOutput, OutputLimit } from '../protocol/exec-request.ts';

/**
 * Limit of a step's reported output, in bytes, since endless output must not fill logs and memory. The worker leaves
 * out the part between beginning and end.
 */
export const OUTPUT_LIMIT: OutputLimit = { head: 16 << 20, tail: 64 << 10 };

/** Reports a step's output, and how much of it is left out. */
export class StepOutput {
  readonly #decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };

  constructor(
    private readonly emit: Emit,
    private readonly step: string,
  ) {}

  /** @returns the text */
  add({ stream, data, dropped }: ExecOutput): string {
    if (dropped !== undefined) this.#leaveOut(dropped);
    const text = this.#decoders[stream].decode(data, { stream: true });
    this.#emit(stream, text);
    return text;
  }

  #leaveOut(bytes: number): void {
    // Text after the gap does not continue a character from before it.
    for (const stream of ['stdout', 'stderr'] as const) this.#emit(stream, this.#decoders[stream].decode());
    this.#emit('stderr', `\n[${bytes} bytes of output are left out here]\n`);
  }

  #emit(stream: ExecOutput['stream'], text: string): void {
    if (text !== '') this.emit({ type: 'step.output', step: this.step, stream, text });
  }
}
