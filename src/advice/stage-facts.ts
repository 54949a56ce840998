import { posix } from 'node:path';
import type {
  CommandInstruction,
  CopyInstruction,
  Dockerfile,
  HealthcheckInstruction,
  Instruction,
  RunInstruction,
  StageText,
  ValueInstruction,
  Word,
} from '../dockerfile/ast.ts';
import { expand } from '../dockerfile/expand.ts';
import { parseHeredocSign } from '../dockerfile/heredoc.ts';
import { printDockerfile } from '../dockerfile/parse.ts';
import { TextPositions } from '../dockerfile/text-edit.ts';
import { JettisonError, type Location } from '../errors/error.ts';
import { familiarRepository, parseReference } from '../image/reference.ts';
import { type ShellCommand, shellCommands } from './shell-commands.ts';

/** The image that a FROM names. */
export interface BaseName {
  /** As people write it: `node`, `gcr.io/distroless/nodejs20-debian12`. */
  repository: string;
  /** Absent where none is written. */
  tag?: string;
  digest?: string;
}

/** What an instruction finds set. */
export interface State {
  /** Empty: what the base image says. */
  user: string;
  /** Undefined: what the base image says. */
  cwd: string | undefined;
  env: ReadonlyMap<string, string>;
  /** SHELL, if an instruction sets it. */
  shell: readonly string[] | undefined;
}

export interface RunFacts {
  instruction: RunInstruction;
  state: State;
  /** Where its script for a POSIX shell is in the text: the shell form, or a heredoc; absent for other programs. */
  script: { start: number; end: number } | undefined;
  /** Of the script. */
  commands: ShellCommand[];
  /** Targets of its cache and tmpfs mounts. */
  mounts: { type: string; target: string; word: Word | undefined }[];
}

export interface CopyFacts {
  instruction: CopyInstruction;
  /** Expanded. */
  sources: string[];
  /** Absolute where the working directory is known. */
  destination: string;
  /** The stage that it copies from. */
  from: StageFacts | undefined;
  /** It copies from the build context. */
  isContext: boolean;
}

/** A stage, and what of it is in the image. */
export interface StageFacts {
  index: number;
  /** For messages: its name, else `stage N`. */
  label: string;
  text: StageText;
  /** The stage that FROM names. */
  base: StageFacts | undefined;
  /** The image below, of this stage or of the one that it stands on; undefined for scratch and unknown names. */
  image: BaseName | undefined;
  isScratch: boolean;
  /** The image is made from it: the target, or a stage below the target. All its files are shipped. */
  ships: boolean;
  runs: RunFacts[];
  copies: CopyFacts[];
  /** Runs and copies in their order. */
  steps: ({ run: RunFacts } | { copy: CopyFacts })[];
  /** After the last instruction, with what the stages below set. */
  final: State & {
    userInstruction?: ValueInstruction;
    cmd?: CommandInstruction;
    entrypoint?: CommandInstruction;
    healthcheck?: HealthcheckInstruction;
  };
}

/** A Dockerfile as rules of advice see it. */
export interface DockerfileFacts {
  dockerfile: Dockerfile;
  text: string;
  positions: TextPositions;
  stages: StageFacts[];
  target: StageFacts;
}

/**
 * Reads the stages of a Dockerfile for rules of advice.
 *
 * @param wanted the stage that becomes the image: its name, or its index as a plan has it; default: the last one
 */
export function dockerfileFacts(
  dockerfile: Dockerfile,
  buildArgs: Record<string, string> = {},
  wanted?: string | number,
): DockerfileFacts {
  const text = printDockerfile(dockerfile);
  const positions = new TextPositions(text, dockerfile.file);
  const globals = new Map<string, string>();
  for (const { args } of dockerfile.globals) {
    for (const { name, value } of args) {
      const given = buildArgs[name.text] ?? (value && expanded(value.text, (of) => globals.get(of)));
      if (given !== undefined) globals.set(name.text, given);
    }
  }
  const stages: StageFacts[] = [];
  for (const stage of dockerfile.stages) {
    stages.push(stageFacts(stage, stages, { dockerfile, text, positions, globals, buildArgs }));
  }
  const target =
    stages.findLast(({ index, text }) =>
      typeof wanted === 'string' ? text.name === wanted.toLowerCase() : index === wanted,
    ) ?? stages.at(-1)!;
  for (let at: StageFacts | undefined = target; at !== undefined; at = at.base) at.ships = true;
  return { dockerfile, text, positions, stages, target };
}

interface Scope {
  dockerfile: Dockerfile;
  text: string;
  positions: TextPositions;
  globals: ReadonlyMap<string, string>;
  buildArgs: Record<string, string>;
}

function stageFacts(text: StageText, earlier: readonly StageFacts[], scope: Scope): StageFacts {
  const name = expanded(text.from.image.text, (of) => scope.globals.get(of));
  const base = earlier.findLast((one) => one.text.name === name.toLowerCase());
  const isScratch = base === undefined ? name === 'scratch' : base.isScratch;
  const image = base === undefined ? baseName(name) : base.image;
  const stage: StageFacts = {
    index: text.index,
    label: text.name ?? `stage ${text.index}`,
    ...{ text, base, image, isScratch, ships: false },
    ...{ runs: [], copies: [], steps: [] },
    final: base?.final ?? {
      user: '',
      cwd: isScratch ? '/' : undefined,
      env: new Map(),
      shell: undefined,
    },
  };
  const args = new Map<string, string>();
  for (const instruction of text.instructions) enter(stage, instruction, args, earlier, scope);
  return stage;
}

function enter(
  stage: StageFacts,
  instruction: Instruction,
  args: Map<string, string>,
  earlier: readonly StageFacts[],
  scope: Scope,
): void {
  const { final } = stage;
  const value = (word: string) => expanded(word, (name) => final.env.get(name) ?? args.get(name));
  switch (instruction.kind) {
    case 'ARG':
      for (const { name, value: given } of instruction.args) {
        const text = scope.buildArgs[name.text] ?? (given ? value(given.text) : scope.globals.get(name.text));
        if (text !== undefined) args.set(name.text, text);
      }
      return;
    case 'ENV': {
      const env = new Map(final.env);
      for (const pair of instruction.pairs) env.set(pair.key.text, value(pair.value.text));
      stage.final = { ...final, env };
      return;
    }
    case 'WORKDIR': {
      const path = value(instruction.value.text);
      const cwd = path.startsWith('/') ? path : final.cwd && posix.join(final.cwd, path);
      stage.final = { ...final, cwd };
      return;
    }
    case 'USER':
      stage.final = { ...final, user: value(instruction.value.text), userInstruction: instruction };
      return;
    case 'SHELL':
      stage.final = { ...final, shell: instruction.args };
      return;
    case 'CMD':
      stage.final = { ...final, cmd: instruction };
      return;
    case 'ENTRYPOINT': {
      const { cmd: _, ...rest } = final;
      stage.final = { ...rest, entrypoint: instruction };
      return;
    }
    case 'HEALTHCHECK':
      stage.final = { ...final, healthcheck: instruction };
      return;
    case 'RUN': {
      const run = runFacts(instruction, final, scope);
      stage.runs.push(run);
      stage.steps.push({ run });
      return;
    }
    case 'COPY':
    case 'ADD': {
      const copy = copyFacts(instruction, final, value, earlier);
      stage.copies.push(copy);
      stage.steps.push({ copy });
    }
  }
}

function runFacts(instruction: RunInstruction, state: State, scope: Scope): RunFacts {
  const mounts = instruction.mounts.map(({ options }) => {
    const option = (...keys: string[]) => options.find(({ key }) => keys.includes(key))?.value;
    const word = option('target', 'dst', 'destination');
    return { type: option('type')?.text ?? 'bind', target: word?.text ?? '', word };
  });
  const script = scriptOf(instruction, state, scope);
  const commands = script === undefined ? [] : shellCommands(scope.text, script.start, script.end);
  return { instruction, state, script, commands, mounts };
}

function scriptOf(
  { command, heredocs, source, location }: RunInstruction,
  { shell }: State,
  { text, positions, dockerfile }: Scope,
): RunFacts['script'] {
  const isPosix = shell === undefined || /(^|\/)(?:ba|da|z|k)?sh$|(^|\/)ash$/.test(shell[0] ?? '');
  if (command.form !== 'shell' || !isPosix || dockerfile.directives.escape === '`') return undefined;
  const start = positions.offsetOf(command.location);
  const end = positions.offsetOf(location) + source.replace(/\r?\n$/, '').length;
  const [heredoc] = heredocs;
  if (heredoc === undefined) return { start, end };
  const line = text.indexOf('\n', start);
  if (line < 0) return undefined;
  if (!parseHeredocSign(command.text)) return { start, end: line };
  if (heredoc.body.startsWith('#!')) return undefined;
  const last = text.slice(0, end).trimEnd().lastIndexOf('\n');
  return { start: line + 1, end: Math.max(line + 1, last) };
}

function copyFacts(
  instruction: CopyInstruction,
  { cwd }: State,
  value: (word: string) => string,
  earlier: readonly StageFacts[],
): CopyFacts {
  const from = instruction.from && value(instruction.from.text).toLowerCase();
  const written = value(instruction.destination.text);
  const isAbsolute = written.startsWith('/') || cwd === undefined;
  return {
    instruction,
    sources: instruction.sources.map(({ text }) => value(text)),
    destination: isAbsolute ? written : posix.join(cwd, written),
    from:
      from === undefined
        ? undefined
        : earlier.findLast((one, i) => one.text.name === from || String(i) === from),
    isContext: from === undefined,
  };
}

function baseName(name: string): BaseName | undefined {
  if (name === 'scratch' || name.includes('$')) return undefined;
  try {
    const reference = parseReference(name);
    const hasTag = /:[^/]*$/.test(name.replace(/@.*$/, ''));
    return {
      repository: familiarRepository(reference),
      ...(hasTag && reference.tag !== undefined && { tag: reference.tag }),
      ...(reference.digest !== undefined && { digest: reference.digest }),
    };
  } catch (error) {
    if (error instanceof JettisonError) return undefined;
    throw error;
  }
}

/** The value of a word; the word itself where a variable is malformed. Unset variables stay as written. */
function expanded(text: string, lookup: (name: string) => string | undefined): string {
  try {
    return expand(text, (name) => lookup(name) ?? `\${${name}}`).text;
  } catch (error) {
    if (error instanceof JettisonError) return text;
    throw error;
  }
}

/**
 * Whether what is at a path of a stage comes into the image: the stage ships, or a stage that does copies the path, a
 * folder above it, or something in it.
 */
export function shipsPath(stages: readonly StageFacts[], stage: StageFacts, path: string): boolean {
  if (stage.ships) return true;
  return stages.some((reader) =>
    reader.copies.some(
      ({ from, sources, destination }) =>
        from !== undefined &&
        isOn(stage, from) &&
        sources.some((source) => related(posix.join('/', source), path)) &&
        shipsPath(stages, reader, destination),
    ),
  );
}

/** Whether `stage` is `upper`, or a stage that `upper` stands on. */
function isOn(stage: StageFacts, upper: StageFacts): boolean {
  for (let at: StageFacts | undefined = upper; at !== undefined; at = at.base) if (at === stage) return true;
  return false;
}

/** Where the lowest stage that a stage stands on names its image. */
export function baseLocation(stage: StageFacts): Location {
  return stage.base === undefined ? stage.text.from.image.location : baseLocation(stage.base);
}

function related(a: string, b: string): boolean {
  const [one, other] = [a, b].map((path) => (path.endsWith('/') ? path : `${path}/`));
  return one!.startsWith(other!) || other!.startsWith(one!);
}
