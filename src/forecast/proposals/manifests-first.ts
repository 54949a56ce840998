import { posix } from 'node:path';
import { compileWildcard } from '../../context/pattern.ts';
import type { CopyInstruction, Instruction, RunInstruction, StageText } from '../../dockerfile/ast.ts';
import type { CopyStep, PlannedStage, RunStep } from '../../plan/plan.ts';
import { PACKAGE_MANAGERS } from './package-managers.ts';
import { type Edit, type Proposer, type Subject, simpleCommand, stepOf } from './proposal.ts';

/** Instructions between which a COPY may move: they do nothing to files. */
const INERT = new Set(['ARG', 'ENV', 'LABEL', 'EXPOSE', 'CMD', 'ENTRYPOINT', 'HEALTHCHECK', 'STOPSIGNAL']);

/** What moves where. */
interface Move {
  run: RunInstruction;
  /** COPYs that go behind the command, in their order. */
  later: CopyInstruction[];
  /** Files that get a COPY of their own, where the first of them was. */
  manifests: string[];
}

/**
 * `COPY . .` before `RUN npm ci`: copies what the command reads first, and the rest after it. The two commute when the
 * command reads no other file of the context, and the COPYs put nothing where it writes.
 */
export const manifestsFirst: Proposer = {
  id: 'manifests-first',
  saves: 'runs',
  propose(subject) {
    for (const stage of subject.plan.stages) {
      const text = subject.dockerfile.stages[stage.index];
      for (const instruction of text?.instructions ?? []) {
        const move = instruction.kind === 'RUN' ? moveFor(instruction, text!, stage, subject) : undefined;
        if (move !== undefined) return edit(move, subject);
      }
    }
    return undefined;
  },
};

function moveFor(
  run: RunInstruction,
  text: StageText,
  stage: PlannedStage,
  subject: Subject,
): Move | undefined {
  const command = simpleCommand(run);
  const manager = PACKAGE_MANAGERS.find((one) => command !== undefined && one.installs(command));
  const step = stepOf(stage, run) as RunStep | undefined;
  if (manager === undefined || step === undefined || command === undefined) return undefined;
  const manifests = manager.manifests(command).filter((path) => subject.has(path));
  if (!manager.required(command).every((path) => manifests.includes(path))) return undefined;
  if (manager.readsSources((path) => subject.file(path), command)) return undefined;

  const copies = copiesBefore(run, text, stage);
  const brings = (copy: CopyStep) => manifests.filter((path) => bringsTo(copy, path, step.cwd));
  const covered = new Set<string>();
  const later: CopyInstruction[] = [];
  for (const { instruction, copy } of copies) {
    if (isWhole(copy, step.cwd)) later.push(instruction);
    else if (brings(copy).length > 0) {
      // It stays before what it stood behind: they must put nothing in the same place.
      if (later.length > 0 && !copy.sources.every(isFileName)) return undefined;
      for (const path of brings(copy)) covered.add(path);
    } else if (isApart(copy, step.cwd, manifests)) later.push(instruction);
    else return undefined;
  }
  if (later.length === 0) return undefined;
  return { run, later, manifests: manifests.filter((path) => !covered.has(path)) };
}

/** The COPYs from the context right before an instruction, with nothing that does something to files in between. */
function copiesBefore(run: Instruction, text: StageText, stage: PlannedStage) {
  const found: { instruction: CopyInstruction; copy: CopyStep }[] = [];
  const before = text.instructions.slice(0, text.instructions.indexOf(run as never)).reverse();
  for (const instruction of before) {
    if (INERT.has(instruction.kind)) continue;
    if (instruction.kind !== 'COPY' || instruction.flags.length > 0 || instruction.heredocs.length > 0) break;
    const copy = stepOf(stage, instruction);
    if (copy?.kind !== 'copy' || copy.from.kind !== 'context' || instruction.source.includes('$')) break;
    found.unshift({ instruction, copy });
  }
  return found;
}

/** `COPY . .` to the command's working directory. */
function isWhole({ sources, destination }: CopyStep, cwd: string): boolean {
  return sources.length === 1 && clean(sources[0]!) === '' && samePath(destination, cwd);
}

function bringsTo({ sources, destination }: CopyStep, path: string, cwd: string): boolean {
  if (!samePath(destination, cwd)) return false;
  return sources.some((source) => compileWildcard(clean(source))(path));
}

/** Names or patterns of files: no directory, whose files could be those of another COPY. */
function isFileName(source: string): boolean {
  return /^(\.\/)?[\w.*-]+\.\w+$/.test(source);
}

/** It writes to one named directory below the working directory, which is not one of packages. */
function isApart({ sources, destination }: CopyStep, cwd: string, manifests: readonly string[]): boolean {
  const inside = posix.relative(cwd, destination);
  const [first] = inside.split('/');
  if (inside === '' || inside.startsWith('..') || manifests.includes(inside)) return false;
  const isPlain = sources.every((source) => /^[\w.@/-]+$/.test(source) && !clean(source).startsWith('..'));
  return isPlain && first !== 'node_modules' && !sources.some((source) => clean(source) === '');
}

function samePath(a: string, b: string): boolean {
  return posix.relative(a, b) === '';
}

/** Relative to the context's root, empty for the root. */
function clean(path: string): string {
  return posix.normalize(`/${path}`).replace(/\/$/, '').slice(1);
}

function edit({ run, later, manifests }: Move, { dockerfile }: Subject): Edit {
  const blocks = blocksOf(dockerfile.parts);
  const moved = blocks.filter(({ instruction }) => later.includes(instruction as CopyInstruction));
  const names = manifests.join(' ');
  const copyLine = `COPY ${names} ${folder(later[0]!.destination.text)}\n`;
  let text = '';
  for (const block of blocks) {
    if (moved[0] === block && manifests.length > 0) text += copyLine;
    if (moved.includes(block)) continue;
    text += block.text;
    if (block.instruction === run) {
      if (!text.endsWith('\n')) text += '\n';
      for (const one of moved) text += one.text;
    }
  }
  const what = later.map(({ source }) => source.trim().replace(/\s+/g, ' ')).join(', ');
  const first = manifests.length === 0 ? '' : `copies ${names} first, and `;
  return {
    summary: `${first}moves ${what} behind ${run.source.trim().replace(/\s+/g, ' ')}`,
    dockerfile: text,
  };
}

/** With several sources the destination has to end in a slash. */
function folder(destination: string): string {
  return destination.endsWith('/') ? destination : `${destination}/`;
}

/** Instructions with the comments right above them; other parts stand alone. */
function blocksOf(parts: Subject['dockerfile']['parts']): { text: string; instruction?: Instruction }[] {
  const blocks: { text: string; instruction?: Instruction }[] = [];
  let comments: string[] = [];
  const flush = () => {
    for (const text of comments) blocks.push({ text });
    comments = [];
  };
  for (const part of parts) {
    if (part.kind === 'comment') comments.push(part.text);
    else if (part.kind === 'instruction') {
      const isCopy = part.instruction.kind === 'COPY';
      if (!isCopy) flush();
      blocks.push({ text: comments.join('') + part.text, instruction: part.instruction });
      comments = [];
    } else {
      flush();
      blocks.push({ text: part.text });
    }
  }
  flush();
  return blocks;
}
