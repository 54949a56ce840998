import { isAbsolute } from 'node:path';
import type { HistoryEntry, ImageConfig } from '../image/types.ts';

/** A line of a Dockerfile. */
export interface InstructionLocation {
  /** As the build was told it, or relative to the context. */
  file: string;
  line: number;
}

/** Parts of an absolute path that are shown. */
const SHOWN_PARTS = 2;

/** `Dockerfile:12`; of an absolute path the last parts only: `…/docker/Dockerfile:12`. */
export function locationText({ file, line }: InstructionLocation): string {
  const parts = file.split('/');
  // An absolute path has an empty part before its root.
  const isLong = isAbsolute(file) && parts.length - 1 > SHOWN_PARTS;
  return `${isLong ? `…/${parts.slice(-SHOWN_PARTS).join('/')}` : file}:${line}`;
}

/** An instruction of an image, as its history or the build that made it says. */
export interface Instruction {
  /** As a Dockerfile has it: `RUN npm ci`. */
  text: string;
  /** `COPY`, `RUN`…; empty where the history does not say. */
  keyword: string;
  /** The layer it made: a position in the image, lowest first; absent for one that made none. */
  layer?: number;
  created?: string;
  /** Known of images that were built here. */
  location?: InstructionLocation;
  stage?: string;
  /** How long it took when it last ran, in milliseconds. */
  durationMs?: number;
  /** What a COPY copies from: a stage, or an image. */
  from?: string;
}

/** The instruction that made a layer; undefined where nothing is known of it. */
export function madeBy(instructions: readonly Instruction[], layer: number): Instruction | undefined {
  return instructions.find((one) => one.layer === layer);
}

/** Where a COPY or ADD puts files, relative to the root; undefined where it is the root, or relative to a WORKDIR. */
export function destinationOf({ keyword, text }: Instruction): string | undefined {
  if (keyword !== 'COPY' && keyword !== 'ADD') return undefined;
  const [, destination] = /\s\/(\S*?)\/*$/.exec(text) ?? [];
  return destination === '' ? undefined : destination;
}

const SHELL_COMMAND = /^(?:\/bin\/sh -c|\|\d+ (?:.* )?\/bin\/sh -c) /;

/**
 * The instructions that made an image, from its history: one a layer at least, whatever the history lacks.
 *
 * @param layers how many there are
 */
export function instructionsOf({ history = [] }: ImageConfig, layers: number): Instruction[] {
  const found: Instruction[] = [];
  let layer = 0;
  for (const entry of history) {
    const isEmpty = entry.empty_layer === true || layer >= layers;
    found.push({ ...instructionOf(entry), ...(!isEmpty && { layer: layer++ }) });
  }
  while (layer < layers) found.push({ text: '', keyword: '', layer: layer++ });
  return found;
}

/** `/bin/sh -c #(nop)  CMD ["x"]`, `RUN /bin/sh -c npm ci # buildkit`, `COPY a b # buildkit` → the instruction. */
function instructionOf({ created_by: by = '', comment, created }: HistoryEntry): Instruction {
  let text = by.replace(/ # buildkit$/, '').trim();
  const nop = /^\/bin\/sh -c #\(nop\)\s+(.*)$/s.exec(text)?.[1];
  if (nop !== undefined) text = nop;
  else if (SHELL_COMMAND.test(text)) text = `RUN ${text.replace(SHELL_COMMAND, '')}`;
  else text = text.replace(/^RUN (?:\|\d+ (?:.* )?)?\/bin\/sh -c /s, 'RUN ');
  if (text === '') text = comment ?? '';
  const keyword = /^([A-Z]+)\b/.exec(text)?.[1] ?? '';
  return { text, keyword, ...(created !== undefined && { created }) };
}
