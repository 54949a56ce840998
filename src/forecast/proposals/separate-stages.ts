import { posix } from 'node:path';
import type { Dockerfile, Instruction, RunInstruction, StageText } from '../../dockerfile/ast.ts';
import { printDockerfile } from '../../dockerfile/parse.ts';
import {
  applyEdits,
  blockOf,
  lineEnd,
  linesAt,
  placeOf,
  type TextEdit,
  TextPositions,
} from '../../dockerfile/text-edit.ts';
import type { LayerIndex } from '../../layer/layer-index.ts';
import type { PlannedStage, RunStep } from '../../plan/plan.ts';
import { PACKAGE_MANAGERS } from './package-managers.ts';
import { type Edit, isShipped, type Proposer, type Records, type Subject, stepOf } from './proposal.ts';

/** More paths than these are not copied one by one. */
const MOST_PATHS = 8;
/** Characters of an instruction in a summary. */
const MOST_SHOWN = 40;
/** Directories of programs and libraries: commands that follow may use what is written there. */
const TOOLS = /^(bin|sbin|usr|lib\w*|etc|opt|var)(\/|$)|(^|\/)(node_modules|site-packages|vendor)(\/|$)/;
/** Directories whose files have other names in each run. */
const SCRATCH = ['tmp', 'var/tmp', 'root/.config', ...PACKAGE_MANAGERS.map(({ cache }) => cache.slice(1))];

/** A command that gets a stage of its own. */
interface Separated {
  instruction: RunInstruction;
  /** What it writes, relative to the root: new directories and files. */
  paths: string[];
}

/** A command, and what is on record of it. */
interface Recorded {
  instruction: RunInstruction;
  step: RunStep;
  /** Milliseconds that it took, what it wrote, and the paths of that to copy: undefined where a COPY would not do. */
  known?: { ms: number; written: LayerIndex; paths: () => string[] | undefined };
}

/** Commands of one stage that do not need each other. */
interface Group {
  stage: PlannedStage;
  text: StageText;
  /** The command that stays in the stage. */
  first: RunInstruction;
  others: Separated[];
  /** Milliseconds that are saved when they run at the same time. */
  saved: number;
}

/**
 * Commands that follow each other in a stage, though none reads what another writes: each gets a stage of its own, and
 * all run at the same time. Records say what they write and how long they take. What they read is not on record: that
 * the image stays the same is proven by building both.
 */
export const separateStages: Proposer = {
  id: 'separate-stages',
  saves: 'time',
  propose(subject) {
    if (subject.records === undefined || refersByNumber(subject.dockerfile)) return undefined;
    const groups = subject.plan.stages.flatMap((stage) => {
      const text = subject.dockerfile.stages[stage.index];
      return text === undefined ? [] : groupsOf(stage, text, subject, subject.records!);
    });
    const [best] = groups.sort((a, b) => b.saved - a.saved);
    return best && edit(best, subject.dockerfile);
  },
};

/** Stages are numbered anew when one is added. */
function refersByNumber({ stages }: Dockerfile): boolean {
  return stages.some(({ from, instructions }) =>
    [
      from.image,
      ...instructions.flatMap((one) => {
        if (one.kind === 'COPY') return one.from ?? [];
        const mounts = one.kind === 'RUN' ? one.mounts : [];
        return mounts.flatMap(({ options }) =>
          options.flatMap(({ key, value }) => (key === 'from' ? (value ?? []) : [])),
        );
      }),
    ].some(({ text }) => /^\d+$|\$/.test(text)),
  );
}

/** For each command: those behind it that need neither it nor each other. */
function groupsOf(stage: PlannedStage, text: StageText, subject: Subject, records: Records): Group[] {
  const needsAll = isShipped(stage, subject.plan);
  const runs = text.instructions.flatMap((instruction): Recorded[] => {
    const step = instruction.kind === 'RUN' ? stepOf(stage, instruction) : undefined;
    if (instruction.kind !== 'RUN' || step?.kind !== 'run') return [];
    const [written, ms] = [records.written(step), records.time(step)];
    if (written === undefined || ms === undefined) return [{ instruction, step }];
    const paths = once(() => rootsOf(written, existedBefore(step, stage, records), needsAll));
    return [{ instruction, step, known: { written, ms, paths } }];
  });
  const groups: Group[] = [];
  for (const [at, { instruction: first, known }] of runs.entries()) {
    if (known === undefined) continue;
    const before = [known.written];
    const others: Separated[] = [];
    const times = [known.ms];
    for (const { instruction, step, known } of runs.slice(at + 1)) {
      if (known === undefined) break;
      const { written, ms } = known;
      if (before.some((one) => needs(step, instruction, written, one))) break;
      const paths = known.paths();
      if (paths === undefined) break;
      others.push({ instruction, paths });
      before.push(written);
      times.push(ms);
    }
    const saved = times.reduce((sum, one) => sum + one, 0) - Math.max(...times);
    if (others.length > 0 && saved > 0) groups.push({ stage, text, first, others, saved });
  }
  return groups;
}

function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

/** Whether a command may need what one before it has written: a program, a file that its text names, the same file. */
function needs({ cwd }: RunStep, { source }: RunInstruction, own: LayerIndex, earlier: LayerIndex): boolean {
  const named = source
    .split(/[^\w./@+*-]+/)
    .filter((word) => word !== '')
    // Of a pattern the directory.
    .map((word) => posix.resolve(cwd, word.replace(/[^/]*\*.*/, '')).slice(1));
  for (const { path, type } of earlier.entries()) {
    if (type === 'directory' || isScratch(path)) continue;
    if (type === 'whiteout' || TOOLS.test(path)) return true;
    if (own.get(path) !== undefined || own.hasBelow(path)) return true;
    if (named.some((name) => name === '' || path === name || path.startsWith(`${name}/`))) return true;
  }
  return false;
}

function isScratch(path: string): boolean {
  return SCRATCH.some((folder) => path === folder || path.startsWith(`${folder}/`));
}

/** Whether a path was there before a step, by what the steps before it have written. */
function existedBefore(step: RunStep, stage: PlannedStage, records: Records): (path: string) => boolean {
  const layers: LayerIndex[] = [];
  let at = stage;
  let steps = stage.steps.slice(0, stage.steps.indexOf(step));
  for (;;) {
    layers.push(...steps.flatMap((one) => records.written(one) ?? []));
    if (at.base.kind !== 'stage') break;
    at = at.base.stage;
    steps = at.steps;
  }
  const base = at.base.kind === 'image' ? records.base(at.base.image) : undefined;
  return (path) =>
    layers.some((index) => index.get(path) !== undefined || index.hasBelow(path)) ||
    base?.get(path) !== undefined;
}

/**
 * The paths to copy of what a command has written.
 *
 * @returns undefined where a COPY would not bring the same
 */
function rootsOf(
  written: LayerIndex,
  existed: (path: string) => boolean,
  needsAll: boolean,
): string[] | undefined {
  const roots: string[] = [];
  for (const { path, type, opaque } of written.entries()) {
    if (roots.some((root) => path.startsWith(`${root}/`))) continue;
    if (path === '' || (type === 'directory' && !opaque && existed(path))) continue;
    if (isScratch(path)) {
      if (needsAll) return undefined;
      continue;
    }
    if (opaque) return undefined;
    // A COPY follows a link; it has no words for other names.
    if (!['file', 'directory'].includes(type) || !/^[\w./@+-]+$/.test(path)) return undefined;
    roots.push(path);
  }
  return roots.length === 0 || roots.length > MOST_PATHS ? undefined : roots;
}

function edit({ text, first, others }: Group, dockerfile: Dockerfile): Edit {
  const whole = printDockerfile(dockerfile);
  const newline = lineEnd(whole);
  const { from } = text;
  const name = from.name?.text ?? 'final';
  const names = newNames(name, others.length, dockerfile);
  const [as, keyword] = [from.as?.text ?? (from.keyword === 'from' ? 'as' : 'AS'), from.keyword];
  const head = (image: string, own: string | undefined) =>
    `${keyword} ${image}${own === undefined ? '' : ` ${as} ${own}`}${newline}`;

  let stages = '';
  const edits: TextEdit[] = [];
  for (const [i, { instruction, paths }] of others.entries()) {
    stages += head(names.base, names.own[i]);
    const shared = between(text, first, instruction).filter((one) => one.kind !== 'RUN');
    for (const one of shared) stages += linesAt(whole, placeOf(dockerfile, one));
    stages += `${linesAt(whole, blockOf(dockerfile, instruction))}${newline}`;
    const copies = paths.map((path) => `COPY --from=${names.own[i]} /${path} /${path}${newline}`);
    edits.push({ ...blockOf(dockerfile, instruction), text: copies.join('') });
  }
  const start = blockOf(dockerfile, first).start;
  const positions = new TextPositions(whole, dockerfile.file);
  const word = from.name ?? from.image;
  const at = positions.offsetOf(word.location);
  edits.push(
    from.name === undefined
      ? { start: at + word.text.length, end: at + word.text.length, text: ` ${as} ${names.base}` }
      : { start: at, end: at + word.text.length, text: names.base },
    { start, end: start, text: `${newline}${stages}${head(names.base, from.name?.text)}` },
  );
  const titles = others.map(({ instruction }) => named(instruction));
  return {
    summary: `runs ${titles.join(' and ')} at the same time as ${named(first)}, in ${others.length === 1 ? 'a stage' : 'stages'} of ${others.length === 1 ? 'its' : 'their'} own`,
    reservation: 'as far as the machine has cores for them',
    dockerfile: applyEdits(whole, edits),
  };
}

/** The instructions between two of a stage. */
function between({ instructions }: StageText, first: Instruction, last: Instruction): Instruction[] {
  const all: readonly Instruction[] = instructions;
  return all.slice(all.indexOf(first) + 1, all.indexOf(last));
}

/** Names that no stage has: of the stage below all, and of each separated command's. */
function newNames(name: string, count: number, { stages }: Dockerfile): { base: string; own: string[] } {
  const taken = new Set(stages.flatMap(({ name, from }) => [name ?? '', from.image.text.toLowerCase()]));
  const free = (wanted: string) => {
    let found = wanted;
    for (let i = 2; taken.has(found.toLowerCase()); i++) found = `${wanted}${i}`;
    taken.add(found.toLowerCase());
    return found;
  };
  return {
    base: free(`${name}-base`),
    own: Array.from({ length: count }, (_, i) => free(`${name}-${i + 2}`)),
  };
}

/** `line 5 (RUN npm run build:…)`. */
function named({ source, location }: Instruction): string {
  const text = source.trim().replace(/\s+/g, ' ');
  return `line ${location.line} (${text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN - 1)}…` : text})`;
}
