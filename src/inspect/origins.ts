import { JettisonError } from '../errors/error.ts';
import { join } from '../layer/entry.ts';
import { type IndexedLayer, MergedTree } from '../layer/merged-tree.ts';
import type { Provenance, RecordedSetting, RecordedStage, RecordedStep } from '../store/provenance.ts';
import type { Store } from '../store/store.ts';
import type { Inspection } from './inspection.ts';
import { type Instruction, type InstructionLocation, madeBy } from './instructions.ts';
import type { Content, Leaf } from './leaf.ts';

/** One link of a file's chain of origins: the instruction that made or copied it in a stage. */
export interface OriginLink {
  /** `base`: it is of a base image. */
  kind: 'base' | 'copy' | 'add' | 'run' | 'workdir' | 'other';
  /** The instruction; of a base its name. */
  text: string;
  stage?: string;
  location?: InstructionLocation;
  /** Where the file was there: the next link's path. */
  path: string;
  /** What a COPY took it from. */
  from?: { kind: 'context' | 'stage' | 'image'; name: string };
}

/** The facts of a file that its origins are searched by. */
type TracedLeaf = Pick<Leaf, 'path' | 'layer'> & { content: Content | undefined };

/** The verb that each kind of link is shown with. */
export const ORIGIN_VERBS: Record<OriginLink['kind'], string> = {
  base: 'from the base',
  copy: 'brought by',
  add: 'brought by',
  run: 'made by',
  workdir: 'made by',
  other: 'made by',
};

/** Steps of a stage and of the stages that it is built on, lowest first, with the layers of its base image. */
interface StageLine {
  base: { name: string; layers: number } | undefined;
  steps: { stage: string; step: RecordedStep }[];
  /** Instructions that make no layer, each with the number of `steps` before it. */
  settings: { stage: string; setting: RecordedSetting; after: number }[];
}

/**
 * Fills in what the build of an image knows and its history does not: lines, stages, what a COPY copies from.
 *
 * @returns the base image; undefined when the record is not of these layers
 */
export function applyProvenance(
  instructions: Instruction[],
  layers: number,
  provenance: Provenance,
): { name: string; layers: number } | undefined {
  const line = targetLine(provenance, layers);
  if (line === undefined) return undefined;
  const first = line.base?.layers ?? 0;
  for (const instruction of instructions) {
    if (instruction.layer === undefined || instruction.layer < first) continue;
    const { stage, step } = line.steps[instruction.layer - first]!;
    instruction.text = step.text.trim();
    instruction.location = { file: step.file, line: step.line };
    instruction.stage = stage;
    if (step.durationMs !== undefined) instruction.durationMs = step.durationMs;
    if (step.from !== undefined && step.from.kind !== 'context') instruction.from = step.from.name;
  }
  placeSettings(instructions, line);
  return line.base ?? { name: 'scratch', layers: 0 };
}

/** Settings are the last ones of the history that make no layer: those of the base stand before them. */
function placeSettings(instructions: Instruction[], { settings, base }: StageLine): void {
  const empty: { instruction: Instruction; after: number }[] = [];
  let layers = 0;
  for (const instruction of instructions) {
    if (instruction.layer !== undefined) layers++;
    else empty.push({ instruction, after: layers - (base?.layers ?? 0) });
  }
  if (settings.length === 0) return;
  const own = empty.slice(-settings.length);
  // A record of an earlier version may lack those of a stage.
  if (own.length < settings.length || own.some(({ after }, at) => after !== settings[at]!.after)) return;
  for (const [at, { stage, setting }] of settings.entries()) {
    const { instruction } = own[at]!;
    instruction.text = setting.text.trim();
    instruction.location = { file: setting.file, line: setting.line };
    instruction.stage = stage;
  }
}

/**
 * The instructions by which a file came into an image, the last one first: through the stages that it was copied from,
 * as far as the store still has their layers.
 */
export function originsOf(inspection: Inspection, leaf: TracedLeaf, store: Store): OriginLink[] {
  return originFinder(inspection, store)(leaf);
}

/** The same for many files: each stage's layers are opened once. */
export function originFinder(
  { image, base, instructions, provenance }: Inspection,
  store: Store,
): (leaf: TracedLeaf) => OriginLink[] {
  const line = provenance && targetLine(provenance, image.layers.length);
  const opened: OpenedStages = new Map();
  return (leaf) => {
    if (base !== undefined && leaf.layer < base.layers) {
      return [{ kind: 'base', text: base.name ?? 'the base image', path: leaf.path }];
    }
    const made = madeBy(instructions, leaf.layer);
    const step = line?.steps[leaf.layer - (line.base?.layers ?? 0)];
    if (provenance === undefined || step === undefined) {
      return made === undefined ? [] : [linkOf(made, leaf.path)];
    }
    const look = { provenance, opened, store };
    return follow(look, step, leaf.path, leaf.content?.digest, provenance.stages.length);
  };
}

/** Stages whose layers have been opened, by name. */
type OpenedStages = Map<string, { layers: (IndexedLayer & { at: number })[]; tree: MergedTree }>;

interface Look {
  provenance: Provenance;
  opened: OpenedStages;
  store: Store;
}

function follow(
  look: Look,
  { stage, step }: { stage: string; step: RecordedStep },
  path: string,
  digest: string | undefined,
  budget: number,
): OriginLink[] {
  const link: OriginLink = {
    ...{ kind: kindOf(step.text), text: step.text.trim(), stage, path },
    location: { file: step.file, line: step.line },
    ...(step.from !== undefined && { from: step.from }),
  };
  const from = step.from?.kind === 'stage' ? stageOf(look.provenance, step.from.name) : undefined;
  if (from === undefined || budget <= 0) return [link];
  const line = lineOf(look.provenance, from);
  const there = line && sourceOf(look, from.name, line, step, path, digest);
  if (line === undefined || there === undefined) return [link];
  if (there.at < 0)
    return [link, { kind: 'base', text: line.base?.name ?? '', stage: from.name, path: there.path }];
  return [link, ...follow(look, line.steps[there.at]!, there.path, digest, budget - 1)];
}

/** The step of a stage that made the file that a COPY took from it; -1: none, so it is the base image's. */
function sourceOf(
  look: Look,
  stage: string,
  line: StageLine,
  step: RecordedStep,
  path: string,
  digest: string | undefined,
): { at: number; path: string } | undefined {
  const { layers, tree } = opened(look, stage, line);
  for (const candidate of candidates(step, path)) {
    const entry = tree.get(candidate);
    if (entry !== undefined && entry.type !== 'directory') {
      if (digest !== undefined && entry.digest !== undefined && entry.digest !== digest) continue;
      const owner = [...layers].reverse().find(({ index }) => index.get(candidate) !== undefined);
      return { at: owner?.at ?? -1, path: candidate };
    }
  }
  const complete = layers.length === line.steps.length;
  const [first] = candidates(step, path);
  return complete && first !== undefined ? { at: -1, path: first } : undefined;
}

function opened({ opened, store }: Look, stage: string, line: StageLine) {
  const known = opened.get(stage);
  if (known !== undefined) return known;
  const layers: (IndexedLayer & { at: number })[] = [];
  for (const [at, { step: made }] of line.steps.entries()) {
    if (made.layer === undefined) continue;
    try {
      layers.push({ id: made.layer, index: store.layers.index(made.layer), at });
    } catch (error) {
      // It has been pruned.
      if (!(error instanceof JettisonError)) throw error;
    }
  }
  const found = { layers, tree: new MergedTree(layers) };
  opened.set(stage, found);
  return found;
}

/** Paths of the source that the COPY may have copied to this one, the likeliest first. */
function candidates({ sources = [], destination = '/' }: RecordedStep, path: string): string[] {
  const target = clean(destination);
  const rest =
    path === target
      ? ''
      : target === ''
        ? path
        : path.startsWith(`${target}/`)
          ? path.slice(target.length + 1)
          : path;
  const found: string[] = [];
  for (const source of sources) {
    const at = clean(source);
    // A directory's content, a file by its name, a file under another name.
    found.push(join(at, rest), at);
    const name = at.slice(at.lastIndexOf('/') + 1);
    if (name !== '' && (rest === name || rest.startsWith(`${name}/`)))
      found.push(join(at, rest.slice(name.length + 1)));
    if (/[*?[]/.test(at)) found.push(join(at.slice(0, at.search(/[^/]*[*?[]/)).replace(/\/$/, ''), rest));
  }
  return [...new Set(found)];
}

/** The steps that made an image; undefined when the record is not of that many layers. */
function targetLine(provenance: Provenance, layers: number): StageLine | undefined {
  const target = provenance.stages.at(-1);
  const line = target && lineOf(provenance, target);
  return line !== undefined && (line.base?.layers ?? 0) + line.steps.length === layers ? line : undefined;
}

function lineOf(provenance: Provenance, stage: RecordedStage): StageLine | undefined {
  const stages: RecordedStage[] = [];
  let at: RecordedStage | undefined = stage;
  for (let depth = 0; at !== undefined && depth <= provenance.stages.length; depth++) {
    stages.unshift(at);
    const { base } = at;
    if (base.kind !== 'stage') {
      const image = base.kind === 'image' ? { name: base.name, layers: base.layers } : undefined;
      return { base: image, ...joined(stages) };
    }
    at = stageOf(provenance, base.name);
  }
  return undefined;
}

/** @param stages lowest first */
function joined(stages: readonly RecordedStage[]): Pick<StageLine, 'steps' | 'settings'> {
  const steps: StageLine['steps'] = [];
  const settings: StageLine['settings'] = [];
  for (const { name, steps: own, settings: set = [] } of stages) {
    for (const setting of set) settings.push({ stage: name, setting, after: steps.length + setting.after });
    steps.push(...own.map((step) => ({ stage: name, step })));
  }
  return { steps, settings };
}

function stageOf({ stages }: Provenance, name: string): RecordedStage | undefined {
  return stages.find((stage) => stage.name === name);
}

function linkOf({ text, stage, location }: Instruction, path: string): OriginLink {
  return {
    ...{ kind: kindOf(text), text, path },
    ...(stage !== undefined && { stage }),
    ...(location !== undefined && { location }),
  };
}

function kindOf(text: string): OriginLink['kind'] {
  const keyword = /^\s*([A-Za-z]+)/.exec(text)?.[1]?.toLowerCase();
  return keyword === 'copy' || keyword === 'add' || keyword === 'run' || keyword === 'workdir'
    ? keyword
    : 'other';
}

function clean(path: string): string {
  return path.replace(/^\.?\/+|\/+$|^\.$/g, '').replace(/^\.\//, '');
}
