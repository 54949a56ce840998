import { EXIT, JettisonError } from '../errors/error.ts';
import type { Delivery } from './delivery.ts';
import type { Exporter } from './exporter.ts';
import type { ImageOptions } from './output.ts';
import { archive } from './types/archive.ts';
import { engine } from './types/engine.ts';
import { image } from './types/image.ts';
import { layout } from './types/layout.ts';
import { local } from './types/local.ts';
import { tar } from './types/tar.ts';

/** All types of outputs, in the order of the docs. */
export const EXPORTERS = [image, engine, archive, layout, tar, local] as const;

type OutputOf<E> = E extends { deliver(job: Delivery, output: infer O): Promise<void> } ? O : never;

/** A destination of a build's result. */
export type Output = OutputOf<(typeof EXPORTERS)[number]>;

/** @throws JettisonError `OUTPUT_INVALID` for an unknown type, from a JavaScript caller */
export function exporterOf<O extends Output>({ type }: O): Exporter<O> {
  const exporter = EXPORTERS.find((one) => one.type === type);
  if (exporter !== undefined) return exporter as unknown as Exporter<O>;
  throw new JettisonError('OUTPUT_INVALID', `unknown output type "${String(type)}"`, {
    hint: `The types are ${EXPORTERS.map((one) => one.type).join(', ')}.`,
    exitCode: EXIT.usage,
  });
}

/** Whether an output contains the image, and not its files. */
export function isImageOutput(output: Output): output is Output & ImageOptions {
  return exporterOf(output).kind === 'image';
}
