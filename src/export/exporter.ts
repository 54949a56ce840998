import type { Keys } from '../fields/keys.ts';
import type { Delivery } from './delivery.ts';
import type { ImageOptions } from './output.ts';

/**
 * A type of output: one file in `types/`, one line in `exporters.ts`. The parser of `--output`, its suggestions and
 * the tables of docs/output.md are made from it.
 */
export interface Exporter<O extends { type: string } & ImageOptions> {
  readonly type: O['type'];
  /** Whether it writes the image (`O` has `ImageOptions`) or the image's files. */
  readonly kind: 'image' | 'files';
  /** Number of platforms that an output can contain. */
  readonly platforms: 'one' | 'many' | ((output: O) => 'one' | 'many');
  /** Values of `type=`. If several exporters have the same one, the first whose `when` is true is used. */
  readonly names: Readonly<Record<string, OutputName<O>>>;
  /** A file (or `-`) is the option `to`, a folder is `path`. */
  readonly dest?: 'file' | 'folder';
  readonly keys: Keys<O>;
  /** Checks options together. @throws JettisonError with exit code 2 */
  check?(output: O): void;
  /** Quick local work, done for all outputs before the first delivery, so that a failed delivery does not lose it. */
  keep?(job: Delivery, output: O): Promise<void>;
  /** Writes the output. Imports code that only this exporter needs. @throws JettisonError */
  deliver(job: Delivery, output: O): Promise<void>;
}

export interface OutputName<O> {
  /** Syntax, as Markdown. */
  usage: string;
  /** A sentence of Markdown. */
  help: string;
  when?(fields: ReadonlyMap<string, string>): boolean;
  /** Options that the name implies. */
  options?: Partial<O>;
  /** Keys beside those of the exporter. */
  keys?: Keys<O>;
}
