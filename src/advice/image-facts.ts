import type { Command, Instruction } from '../dockerfile/ast.ts';
import type { Location } from '../errors/error.ts';
import { size } from '../events/units.ts';
import { envVariables } from '../image/config-values.ts';
import type { RuntimeConfig } from '../image/types.ts';
import type { Census, WasteReason } from '../inspect/census.ts';
import type { Inspection } from '../inspect/inspection.ts';
import { type Instruction as LayerInstruction, madeBy } from '../inspect/instructions.ts';
import { bytesOf, filesOf, type Leaf } from '../inspect/leaf.ts';
import type { SecretFinding } from '../leaks/find-secrets.ts';
import { DEFAULT_PATH } from '../plan/arguments.ts';
import type { Lifecycle } from '../scan/lifecycle.ts';
import { baseLocation, type DockerfileFacts, type StageFacts } from './stage-facts.ts';

/** A stage, and the place in it that a finding names. */
export interface StagePlace {
  stage: StageFacts;
  location: Location;
}

/** Files that one layer brings. */
export interface LayerShare {
  /** Its position in the image, lowest first. */
  layer: number;
  bytes: number;
  files: number;
  /** The path of its largest file, from the root. */
  largest: string;
}

/** Shells know these themselves: no program is needed. */
const BUILTINS = new Set(['[', 'test', 'true', 'false', 'exit', 'exec', 'echo', 'cd', 'if', ':']);

/** What was found out about an image. */
type Seen = Pick<ImageFacts, 'inspection' | 'secrets' | 'lifecycles' | 'listening'>;

/** An image, and which instructions of a Dockerfile made its layers: evidence for rules of advice. */
export class ImageFacts {
  readonly inspection: Inspection;
  readonly secrets: readonly SecretFinding[];
  readonly lifecycles: readonly Lifecycle[];
  /** TCP ports on which its program listens for others; undefined where it was not run. */
  readonly listening: readonly number[] | undefined;
  readonly #places: ReadonlyMap<number, StagePlace & { instruction: Instruction }>;
  readonly #target: StageFacts;
  /** By path: the layer that brought a file which later ones only gave another owner, mode or time. */
  readonly #first = new Map<string, number>();

  constructor({ inspection, secrets, lifecycles, listening }: Seen, { target }: DockerfileFacts) {
    this.inspection = inspection;
    this.secrets = secrets;
    this.lifecycles = lifecycles;
    this.listening = listening;
    this.#target = target;
    this.#places = placesOf(inspection, target);
    for (const { path, layer, reason } of inspection.census.waste) {
      if (reason !== 'metadata') continue;
      this.#first.set(path, Math.min(layer, this.#first.get(path) ?? layer));
    }
  }

  get census(): Census {
    return this.inspection.census;
  }

  get config(): RuntimeConfig {
    return this.inspection.image.config.config ?? {};
  }

  /** Whether a layer is of the base image. */
  isBase(layer: number): boolean {
    return layer < (this.inspection.base?.layers ?? 0);
  }

  /** The instruction that made a layer; the FROM of the shipped stage where it is not known, and for the base image. */
  place(layer: number): StagePlace {
    return this.#places.get(layer) ?? this.from;
  }

  get from(): StagePlace {
    return { stage: this.#target, location: baseLocation(this.#target) };
  }

  /** The layer that an instruction made. */
  layerOf(instruction: Instruction): number | undefined {
    for (const [layer, { instruction: one }] of this.#places) if (one === instruction) return layer;
    return undefined;
  }

  /** Files of the image that a rule asks for, by the layer that first brought their content: the most bytes first. */
  shares(wants: (leaf: Leaf) => boolean, leaves: Iterable<Leaf> = this.census.leaves.values()): LayerShare[] {
    const shares = new Map<number, LayerShare & { most: number }>();
    for (const leaf of leaves) {
      if (!wants(leaf)) continue;
      const { path } = leaf;
      const layer = this.#first.get(path) ?? leaf.layer;
      const share = shares.get(layer) ?? { layer, bytes: 0, files: 0, largest: '', most: -1 };
      const bytes = bytesOf(leaf);
      share.bytes += bytes;
      share.files += filesOf(leaf);
      if (bytes > share.most) Object.assign(share, { most: bytes, largest: `/${path}` });
      shares.set(layer, share);
    }
    return [...shares.values()]
      .map(({ most: _, ...share }) => share)
      .filter(({ files }) => files > 0)
      .sort((a, b) => b.bytes - a.bytes);
  }

  /** Bytes of lower layers that a layer hides: they are pulled, and nobody sees them. */
  hiddenBy(layer: number, reason: WasteReason): { bytes: number; files: number } {
    const hidden = this.census.waste.filter((one) => one.by === layer && one.reason === reason);
    return { bytes: hidden.reduce((sum, { bytes }) => sum + bytes, 0), files: hidden.length };
  }

  /** Whether a command finds its program, as a path or in a folder of PATH. */
  hasProgram(name: string): boolean {
    const { Env = [], WorkingDir = '/' } = this.config;
    const path = envVariables(Env).get('PATH') ?? DEFAULT_PATH;
    const folders = name.includes('/') ? [name.startsWith('/') ? '' : WorkingDir] : path.split(':');
    return folders.some((folder) => {
      const real = this.census.real(`${folder}/${name}`);
      return real !== undefined && this.census.leaf(real) !== undefined;
    });
  }

  /** The program that an exec or a shell form lacks; undefined where it has all that can be told. */
  missingProgram(
    command:
      | Pick<Command & { form: 'exec' }, 'form' | 'args'>
      | Pick<Command & { form: 'shell' }, 'form' | 'text'>,
  ): string | undefined {
    if (command.form === 'exec') {
      const [program] = command.args;
      return program === undefined || program === '' || this.hasProgram(program) ? undefined : program;
    }
    const shell = this.config.Shell?.[0] ?? '/bin/sh';
    if (!this.hasProgram(shell)) return shell;
    const [program] = /^[\w./-]+(?=\s|$)/.exec(command.text.trim()) ?? [];
    return program === undefined || BUILTINS.has(program) || this.hasProgram(program) ? undefined : program;
  }
}

/** `3 files, 1.2MB`. */
export function amount({ files, bytes }: { files: number; bytes: number }): string {
  return `${files === 1 ? '1 file' : `${files.toLocaleString('en')} files`}, ${size(bytes)}`;
}

const MAKES_FILES = new Set(['RUN', 'COPY', 'ADD']);

/**
 * Which instruction of the shipped stages made each layer: by their order from the last one on, if the image was made of
 * as many instructions of the same kinds; else by their text, as far as it is the same.
 */
function placesOf(
  { instructions, image, base }: Inspection,
  target: StageFacts,
): Map<number, StagePlace & { instruction: Instruction }> {
  const own: { stage: StageFacts; instruction: Instruction }[] = [];
  for (let stage: StageFacts | undefined = target; stage !== undefined; stage = stage.base) {
    const { text } = stage;
    const here = stage;
    const made = text.instructions.filter(({ kind }) => MAKES_FILES.has(kind));
    own.unshift(...made.map((instruction) => ({ stage: here, instruction })));
  }
  const layers: { layer: number; made: LayerInstruction }[] = [];
  for (let layer = base?.layers ?? 0; layer < image.layers.length; layer++) {
    const made = madeBy(instructions, layer);
    if (made !== undefined && MAKES_FILES.has(made.keyword)) layers.push({ layer, made });
  }
  const last = layers.slice(-own.length || layers.length);
  const isSame =
    last.length === own.length && last.every(({ made }, at) => made.keyword === own[at]!.instruction.kind);
  const places = new Map<number, StagePlace & { instruction: Instruction }>();
  for (const [at, { layer, made }] of (isSame ? last : layers).entries()) {
    const found = isSame
      ? own[at]
      : own.find(({ instruction }) => instruction.source.trim() === made.text.trim());
    if (found !== undefined) places.set(layer, { ...found, location: found.instruction.location });
  }
  return places;
}
