import { JettisonError } from '../errors/error.ts';
import type { ArgInstruction, Dockerfile, FromInstruction, Instruction, Part, StageText } from './ast.ts';
import { NO_CHECK_OPTIONS, parseCheckOptions } from './checks/check-options.ts';
import { checkText } from './checks/check-text.ts';
import { readInstruction } from './instructions/read.ts';
import { type Origin, type RawPart, readParts, readStatements } from './lines.ts';

export interface ParseOptions {
  /** Replaces the file's `check` directive: the build argument BUILDKIT_DOCKERFILE_CHECK. */
  check?: string;
}

/**
 * Parses a Dockerfile.
 * @param file its name in locations
 * @throws JettisonError with location, source lines and a hint, e.g. `DOCKERFILE_SYNTAX`, `UNKNOWN_INSTRUCTION`,
 * `UNKNOWN_FLAG`, `HEREDOC_UNTERMINATED`, `DOCKERFILE_EMPTY`, `NO_BUILD_STAGE`
 */
export function parseDockerfile(text: string, file: string, options: ParseOptions = {}): Dockerfile {
  const { parts: raw, escape: escapeCharacter } = readParts(text, file);
  const parts = raw.map(readPart);
  const instructions = parts.flatMap((part) => (part.kind === 'instruction' ? [part.instruction] : []));
  const { globals, stages } = toStages(instructions, file);
  const directive = (name: string) => raw.find((part) => part.kind === 'directive' && part.name === name);
  const syntax = directive('syntax');
  const check = directive('check');
  const checks =
    options.check !== undefined
      ? parseCheckOptions(options.check)
      : check?.kind === 'directive'
        ? parseCheckOptions(check.value, { location: check.location, source: check.text.trimEnd() })
        : NO_CHECK_OPTIONS;
  return {
    file,
    parts,
    directives: {
      escape: escapeCharacter,
      ...(syntax?.kind === 'directive' && { syntax: syntax.value }),
      ...(check?.kind === 'directive' && { check: check.value }),
    },
    checks,
    globals,
    stages,
    diagnostics: checkText({ parts: raw, globals, stages }, checks),
  };
}

/**
 * Parses an ONBUILD trigger from a base image's config, here-documents included.
 * @param origin the FROM of the base image: the location of errors
 * @throws JettisonError `ONBUILD_TRIGGER` unless it is exactly one instruction that is allowed as a trigger
 */
export function parseInstructions(text: string, origin: Origin): Exclude<Instruction, FromInstruction>[] {
  const fail = (message: string) => {
    const { location, source } = origin;
    const hint = 'The trigger is part of the base image: use another image, or contact its author.';
    return new JettisonError('ONBUILD_TRIGGER', message, { hint, location, source });
  };
  try {
    const [instruction, ...others] = readStatements(text, origin).map(readInstruction);
    if (!instruction || others.length > 0) throw fail('it is not exactly one instruction');
    if (instruction.kind === 'FROM' || instruction.kind === 'MAINTAINER' || instruction.kind === 'ONBUILD') {
      throw fail(`${instruction.kind} cannot be a trigger`);
    }
    return [instruction];
  } catch (error) {
    if (!(error instanceof JettisonError)) throw error;
    throw fail(`The base image's ONBUILD trigger "${text.split('\n', 1)[0]}" is invalid: ${error.message}`);
  }
}

function readPart(part: RawPart): Part {
  if (part.kind !== 'instruction') return part;
  return { kind: 'instruction', text: part.text, instruction: readInstruction(part.statement) };
}

/** Splits the instructions into the arguments before the first FROM and the stages. */
function toStages(
  instructions: Instruction[],
  file: string,
): { globals: ArgInstruction[]; stages: StageText[] } {
  const globals: ArgInstruction[] = [];
  const stages: StageText[] = [];
  for (const instruction of instructions) {
    if (instruction.kind === 'FROM') stages.push(startStage(instruction, stages.length));
    else if (stages.length > 0) stages.at(-1)!.instructions.push(instruction);
    else if (instruction.kind === 'ARG') globals.push(instruction);
    else {
      const { kind, location, source } = instruction;
      throw new JettisonError('NO_BUILD_STAGE', `${kind} is before the first FROM`, {
        hint: 'A Dockerfile begins with FROM; only ARG is allowed before it.',
        location,
        source,
      });
    }
  }
  if (stages.length > 0) return { globals, stages };
  const empty = instructions.length === 0;
  throw new JettisonError(
    empty ? 'DOCKERFILE_EMPTY' : 'NO_BUILD_STAGE',
    empty ? `${file} has no instructions` : `${file} has no FROM, so there is nothing to build`,
    { hint: 'Begin with FROM and a base image, for example FROM node:20.' },
  );
}

function startStage(from: FromInstruction, index: number): StageText {
  return { index, from, ...(from.name && { name: from.name.text.toLowerCase() }), instructions: [] };
}

/** The text of a parsed Dockerfile, byte for byte, except for parts that were changed. */
export function printDockerfile({ parts }: Pick<Dockerfile, 'parts'>): string {
  return parts.map((part) => part.text).join('');
}
