import type { Emit } from '../events/event.ts';

/** How much of a step's output is told, in characters, and how much of its end when there is more. */
const HEAD = 16 << 20;
const TAIL = 64 << 10;

type Stream = 'stdout' | 'stderr';

/**
 * Tells what a step prints. A step that prints without end must not fill whoever listens: of more than 16 million
 * characters the beginning and the end are told, and between them how many are missing.
 */
export class StepOutput {
  readonly #decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };
  #told = 0;
  #held: { stream: Stream; text: string }[] = [];
  #heldSize = 0;
  #dropped = 0;

  constructor(
    private readonly emit: Emit,
    private readonly step: string,
    private readonly limit = HEAD,
  ) {}

  /** @returns the text, whether it is told or not */
  add(stream: Stream, data: Uint8Array): string {
    const text = this.#decoders[stream].decode(data, { stream: true });
    if (this.#told < this.limit) {
      this.#told += text.length;
      this.#tell(stream, text);
      return text;
    }
    this.#held.push({ stream, text });
    this.#heldSize += text.length;
    while (this.#heldSize - this.#held[0]!.text.length >= TAIL) {
      const { text: first } = this.#held.shift()!;
      this.#heldSize -= first.length;
      this.#dropped += first.length;
    }
    return text;
  }

  /** Tells the end of what was too long. */
  end(): void {
    if (this.#dropped > 0) {
      this.#tell('stderr', `\n[${this.#dropped} characters of output are left out here]\n`);
    }
    for (const { stream, text } of this.#held.splice(0)) this.#tell(stream, text);
  }

  #tell(stream: Stream, text: string): void {
    if (text !== '') this.emit({ type: 'step.output', step: this.step, stream, text });
  }
}
