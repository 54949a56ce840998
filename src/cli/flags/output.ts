import { resolve } from 'node:path';
import { closest } from '../../errors/closest.ts';
import { usageError } from '../../errors/error.ts';
import type { Exporter } from '../../export/exporter.ts';
import { EXPORTERS, type Output } from '../../export/exporters.ts';
import { ANNOTATION_KINDS, annotate } from '../../export/image-keys.ts';
import type { Destination, ImageOptions } from '../../export/output.ts';
import { fieldsOf } from '../../fields/csv.ts';
import { setOptions } from '../../fields/keys.ts';
import type { Io } from '../command.ts';

type AnyExporter = Exporter<{ type: string } & ImageOptions>;

/** One parsed `--output`. */
export interface OutputFlag {
  exporter: AnyExporter;
  /** A path as typed, or `-`. */
  dest?: string;
  /** The output without its destination. */
  options: { type: string } & ImageOptions & { push?: boolean; insecure?: boolean };
}

/** Values of `type=`. */
export const OUTPUT_TYPES: readonly string[] = [
  ...new Set(EXPORTERS.flatMap(({ names }) => Object.keys(names))),
];

/**
 * Parses a value of `--output`: `type=TYPE,key=value,…`, or a folder, or `-` for a tar on standard output.
 *
 * @throws JettisonError with exit code 2
 */
export function parseOutput(text: string): OutputFlag {
  if (text === '') throw usageError('--output is empty', 'Give a folder, or type=TYPE.');
  if (text === '-') return parseFields('tar', new Map([['dest', text]]));
  if (!text.includes('=')) return parseFields('local', new Map([['dest', text]]));
  const fields = new Map(fieldsOf(text, '--output'));
  const type = fields.get('type');
  fields.delete('type');
  if (type !== undefined && OUTPUT_TYPES.includes(type)) return parseFields(type, fields);
  const what = type === undefined ? `the output "${text}" has no type` : `unknown output type "${type}"`;
  const meant = type && closest(type, OUTPUT_TYPES);
  throw usageError(what, meant ? `Did you mean ${meant}?` : `The types are ${OUTPUT_TYPES.join(', ')}.`);
}

function parseFields(type: string, fields: Map<string, string>): OutputFlag {
  const exporter = (EXPORTERS as readonly unknown[] as readonly AnyExporter[]).find(
    ({ names }) => Object.hasOwn(names, type) && (names[type]!.when?.(fields) ?? true),
  )!;
  const name = exporter.names[type]!;
  const dest = fields.get('dest');
  fields.delete('dest');
  checkDest(type, exporter, dest);
  const options = {
    type: exporter.type,
    ...(exporter.kind === 'image' && { form: {} }),
    ...name.options,
  };
  setOptions(options, fields, { ...exporter.keys, ...name.keys }, '', {
    unknown: (key) => `type=${type} has no "${key}"`,
    missing: (key) => `type=${type} needs ${key}=`,
    docs: 'docs/output.md',
  });
  exporter.check?.(options);
  return { exporter, options, ...(dest !== undefined && { dest }) };
}

function checkDest(type: string, { dest: kind }: AnyExporter, dest: string | undefined): void {
  if (kind === undefined && dest !== undefined)
    throw usageError(`type=${type} has no dest`, 'Archives are type=oci and docker.');
  if (kind === undefined) return;
  if (dest === undefined) {
    const hint = kind === 'folder' ? 'Add dest=FOLDER.' : 'Add dest=FILE, or dest=- for standard output.';
    throw usageError(`type=${type} needs a dest`, hint);
  }
  if (dest === '') throw usageError('dest= is empty', 'Name a file or a folder.');
  if (kind === 'folder' && dest === '-')
    throw usageError('a folder cannot go to standard output', 'Use type=tar, or type=oci with tar=true.');
}

/** The outputs of a build, from `--output`, `--push`, `--load` and other flags. */
export function outputFlags(values: {
  output?: string[];
  push?: boolean;
  load?: boolean;
  annotation?: string[];
  'registry-insecure'?: boolean | undefined;
}): OutputFlag[] {
  const outputs = (values.output ?? []).map(parseOutput);
  if (values.push) {
    const image = outputs.find(({ options }) => options.type === 'image');
    if (image !== undefined) image.options.push = true;
    else outputs.push(parseOutput('type=registry'));
  }
  // With --load alone the store keeps the image, too.
  if (values.load && outputs.length === 0) outputs.push(parseOutput('type=image'));
  if (values.load && !outputs.some(({ options }) => options.type === 'engine')) {
    outputs.push(parseOutput('type=docker'));
  }
  if (outputs.filter(({ dest }) => dest === '-').length > 1) {
    throw usageError('only one output can go to standard output', 'Give the others a dest=FILE.');
  }
  for (const text of values.annotation ?? []) {
    if (outputs.length === 0) outputs.push(parseOutput('type=image'));
    for (const { exporter, options } of outputs) {
      if (exporter.kind === 'image') annotateBy(text, options);
    }
  }
  if (values['registry-insecure']) {
    for (const { options } of outputs) if (options.type === 'image') options.insecure = true;
  }
  return outputs;
}

/** The library's output for a flag. @throws JettisonError with exit code 2 for an archive on a terminal */
export function outputOf({ exporter, dest, options }: OutputFlag, io: Pick<Io, 'cwd' | 'stdout'>): Output {
  if (dest === undefined) return options as Output;
  if (dest === '-' && io.stdout.isTTY === true) {
    throw usageError('cannot write an archive to a terminal', 'Redirect the output, or write to dest=FILE.');
  }
  const path = resolve(io.cwd, dest);
  if (exporter.dest === 'folder') return { ...options, path } as Output;
  const to: Destination = dest === '-' ? { stream: io.stdout } : { path };
  return { ...options, to } as Output;
}

/** `[manifest:|index:|manifest-descriptor:]KEY=VALUE`; kinds may be joined by commas. */
function annotateBy(text: string, options: ImageOptions): void {
  const match = /^(?:([a-z,-]+):)?([^=]+)=(.*)$/s.exec(text);
  if (match === null) {
    throw usageError(`invalid annotation "${text}"`, 'Write --annotation [manifest:|index:]KEY=VALUE.');
  }
  for (const name of (match[1] ?? 'manifest').split(',')) {
    const kind = Object.entries(ANNOTATION_KINDS).find(([known]) => known === name)?.[1];
    if (kind === undefined) {
      const kinds = Object.keys(ANNOTATION_KINDS).join(', ');
      throw usageError(`"${name}" cannot be annotated`, `There are ${kinds}.`);
    }
    annotate(options, kind, match[2]!, match[3]!);
  }
}
