import type {
  ArgInstruction,
  CheckOptions,
  Diagnostic,
  FromInstruction,
  Instruction,
  StageText,
} from './ast.ts';
import { parseCheckOptions } from './check-options.ts';
import { type CheckId, inOrder, isCheckOn } from './checks.ts';
import { parseDirective } from './directives.ts';
import type { RawPart } from './lines.ts';

const RESERVED = new Set(['context', 'scratch']);
const ONLY_LAST_COUNTS = new Set(['CMD', 'ENTRYPOINT', 'HEALTHCHECK']);

interface Parsed {
  parts: RawPart[];
  globals: ArgInstruction[];
  stages: StageText[];
  checks: CheckOptions;
}

/** What can be said against a file from its text alone, without the value of any variable. */
export function checkFile(file: Parsed): Diagnostic[] {
  const found: Diagnostic[] = [];
  for (const part of file.parts) {
    if (part.kind !== 'instruction') continue;
    for (const location of part.emptyLines) {
      found.push({
        code: 'NoEmptyContinuation' satisfies CheckId,
        message: 'This empty line stands inside an instruction',
        location,
        hint: 'Remove it, or begin it with #.',
      });
    }
  }
  const instructions = [
    ...file.globals,
    ...file.stages.flatMap((stage) => [stage.from, ...stage.instructions]),
  ];
  found.push(
    ...checkCasing(file.stages),
    ...checkStageNames(file.stages),
    ...instructions.flatMap(checkInstruction),
    ...file.stages.flatMap(checkStage),
  );
  return filterDiagnostics(inOrder(found), file.checks, instructions);
}

/**
 * Takes out what the file's `check` directive, or a `# check=skip=…` comment above an instruction, skips, and
 * experimental checks that nobody asked for.
 */
export function filterDiagnostics(
  diagnostics: Diagnostic[],
  checks: CheckOptions,
  instructions: Instruction[],
): Diagnostic[] {
  const above = new Map<number, CheckOptions[]>();
  for (const instruction of instructions) {
    const options = optionsAbove(instruction);
    const { line, endLine = line } = instruction.location;
    for (let at = line; options.length > 0 && at <= endLine; at++) {
      above.set(at, [...(above.get(at) ?? []), ...options]);
    }
  }
  return diagnostics.filter(({ code, location }) => {
    if (!isCheckOn(code, checks)) return false;
    const own = above.get(location.line) ?? [];
    return own.every(({ skip }) => skip !== 'all' && !skip.includes(code));
  });
}

function optionsAbove({ comments = [], location, source }: Instruction): CheckOptions[] {
  return comments.flatMap((comment) => {
    const directive = parseDirective(`#${comment}`);
    return directive?.name === 'check' ? [parseCheckOptions(directive.value, { location, source })] : [];
  });
}

function checkInstruction(instruction: Instruction): Diagnostic[] {
  switch (instruction.kind) {
    case 'FROM':
      return [
        ...checkFrom(instruction),
        ...checkDescription(instruction, instruction.name ? [instruction.name.text.toLowerCase()] : []),
      ];
    case 'ARG':
      return checkDescription(
        instruction,
        instruction.args.map((arg) => arg.name.text),
      );
    case 'ENV':
    case 'LABEL':
      return instruction.legacy ? [checkLegacy(instruction.kind, instruction)] : [];
    case 'MAINTAINER':
      return [
        {
          code: 'MaintainerDeprecated' satisfies CheckId,
          message: 'MAINTAINER is an old way to name the author',
          location: instruction.location,
          hint: 'Write LABEL org.opencontainers.image.authors="…".',
        },
      ];
    case 'ONBUILD':
      if (instruction.trigger) return [];
      return [
        {
          code: 'InvalidOnbuildTrigger',
          message: 'This trigger is not a valid instruction: every build on top of the image will fail',
          location: instruction.location,
          hint: 'Correct what stands behind ONBUILD.',
        },
      ];
    default:
      return [];
  }
}

function checkFrom({ keyword, as, name }: FromInstruction): Diagnostic[] {
  const found: Diagnostic[] = [];
  const sameCase =
    keyword === keyword.toLowerCase()
      ? as?.text === as?.text.toLowerCase()
      : keyword !== keyword.toUpperCase() || as?.text === as?.text.toUpperCase();
  if (as && !sameCase) {
    found.push({
      code: 'FromAsCasing' satisfies CheckId,
      message: `${keyword} and ${as.text} are not written in the same case`,
      location: as.location,
      hint: `Write ${keyword === keyword.toLowerCase() ? 'as' : 'AS'}.`,
    });
  }
  if (name && name.text !== name.text.toLowerCase()) {
    found.push({
      code: 'StageNameCasing' satisfies CheckId,
      message: `The name of the stage ${name.text} is not in lower case`,
      location: name.location,
      hint: `Write ${name.text.toLowerCase()}: Docker calls it so anyway.`,
    });
  }
  return found;
}

function checkDescription({ kind, comments = [], location }: Instruction, names: string[]): Diagnostic[] {
  const last = comments.filter((comment) => parseDirective(`#${comment}`)?.name !== 'check').at(-1);
  if (last === undefined || names.length === 0 || names.includes(last.split(' ')[0]!)) return [];
  return [
    {
      code: 'InvalidDefinitionDescription' satisfies CheckId,
      message: `The comment above this ${kind} does not begin with ${names.length > 1 ? 'the name of one of its arguments' : names[0]}`,
      location,
      hint: 'Begin it with the name; if it is no description, put an empty comment (#) between.',
    },
  ];
}

function checkLegacy(kind: string, { location }: Instruction): Diagnostic {
  return {
    code: 'LegacyKeyValueFormat' satisfies CheckId,
    message: `${kind} is written in its old form, with a space between name and value`,
    location,
    hint: `Write ${kind} name=value.`,
  };
}

/** What most instructions are written in decides; those in mixed case do not count. */
function checkCasing(stages: StageText[]): Diagnostic[] {
  const instructions = stages.flatMap((stage) => [stage.from, ...stage.instructions]);
  const lower = instructions.filter(({ keyword }) => keyword === keyword.toLowerCase()).length;
  const upper = instructions.filter(({ keyword }) => keyword === keyword.toUpperCase()).length;
  const right = (keyword: string) => (lower > upper ? keyword.toLowerCase() : keyword.toUpperCase());
  return instructions
    .filter(({ keyword }) => keyword !== right(keyword))
    .map(({ keyword, location }) => ({
      code: 'ConsistentInstructionCasing' satisfies CheckId,
      message: `${keyword} is not written like most instructions here, in ${lower > upper ? 'lower' : 'upper'} case`,
      location: { file: location.file, line: location.line, column: location.column },
      hint: `Write ${right(keyword)}.`,
    }));
}

function checkStageNames(stages: StageText[]): Diagnostic[] {
  const seen = new Set<string>();
  return stages.flatMap(({ name, from }) => {
    const location = from.name?.location;
    if (name === undefined || !location) return [];
    const found: Diagnostic[] = [];
    if (RESERVED.has(name)) {
      found.push({
        code: 'ReservedStageName' satisfies CheckId,
        message: `${name} means something else to Docker: a stage should not be called so`,
        location,
        hint: 'Choose another name.',
      });
    }
    if (seen.has(name)) {
      found.push({
        code: 'DuplicateStageName' satisfies CheckId,
        message: `A stage before this one is called ${name} too`,
        location,
        hint: 'Give every stage a name of its own.',
      });
    }
    seen.add(name);
    return found;
  });
}

/** What only matters when the stage is built. A base image's own SHELL is not known here. */
function checkStage({ index, instructions }: StageText): Diagnostic[] {
  const found: Diagnostic[] = [];
  const last = new Map<string, Instruction>();
  let shellSet = false;
  for (const instruction of instructions) {
    const { kind, location } = instruction;
    if (kind === 'SHELL') shellSet = true;
    const earlier = last.get(kind);
    if (ONLY_LAST_COUNTS.has(kind) && earlier) {
      found.push({
        code: 'MultipleInstructionsDisallowed' satisfies CheckId,
        message: `Another ${kind} follows in this stage, and only the last one counts`,
        location: earlier.location,
        hint: 'Remove this one.',
        stage: index,
      });
    }
    last.set(kind, instruction);
    if ((kind === 'CMD' || kind === 'ENTRYPOINT') && instruction.command.form === 'shell' && !shellSet) {
      const { fault } = instruction.command;
      found.push({
        code: 'JSONArgsRecommended' satisfies CheckId,
        message:
          fault === undefined
            ? `In this form a shell starts the program of ${kind}, and signals do not reach it`
            : `A shell gets the text of ${kind}, since it is not a JSON array: ${fault.message}`,
        location: fault?.location ?? location,
        hint: `Write ${kind} ["program", "argument"].`,
        stage: index,
      });
    }
  }
  return found;
}
