import type { Keys } from '../fields/keys.ts';
import type { Delivery } from './delivery.ts';
import type { ImageOptions } from './output.ts';

/**
 * A type of output: one file in `types/`, one line in `exporters.ts`. The parser of `--output`, its suggestions and
 * the tables of docs/output.md come of it.
 */
export interface Exporter<O extends { type: string } & ImageOptions> {
  readonly type: O['type'];
  /** Whether it takes the image (`O` has `ImageOptions`) or the image's files. */
  readonly kind: 'image' | 'files';
  /** How many platforms of a build it can hold. */
  readonly platforms: 'one' | 'many' | ((output: O) => 'one' | 'many');
  /** Values of `type=`. Several exporters may have the same one: the first whose `when` is true is taken. */
  readonly names: Readonly<Record<string, OutputName<O>>>;
  /** A file (or `-`) is the option `to`, a folder is `path`. */
  readonly dest?: 'file' | 'folder';
  readonly keys: Keys<O>;
  /** Checks options together. @throws JettisonError with exit code 2 */
  check?(output: O): void;
  /** Quick local work: done for all outputs before any is delivered, so that failures elsewhere do not lose it. */
  keep?(job: Delivery, output: O): Promise<void>;
  /** Hands the result over; code that only this needs is imported here. @throws JettisonError */
  deliver(job: Delivery, output: O): Promise<void>;
}

export interface OutputName<O> {
  /** How it is written. */
  usage: string;
  /** A sentence of Markdown. */
  help: string;
  when?(fields: ReadonlyMap<string, string>): boolean;
  /** Options that the name implies. */
  options?: Partial<O>;
  /** Keys beside those of the exporter. */
  keys?: Keys<O>;
}
