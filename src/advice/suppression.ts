import type { Dockerfile, Instruction } from '../dockerfile/ast.ts';
import { instructionsOf } from '../dockerfile/checks/check-text.ts';

/** Rules of Docker that hadolint has under an id of its own. */
const DOCKER_ALIASES: Record<string, readonly string[]> = {
  DL3000: ['WorkdirRelativePath'],
  DL3012: ['MultipleInstructionsDisallowed'],
  DL3024: ['DuplicateStageName'],
  DL3025: ['JSONArgsRecommended'],
  DL3029: ['FromPlatformFlagConstDisallowed'],
  DL4000: ['MaintainerDeprecated'],
  DL4003: ['MultipleInstructionsDisallowed'],
  DL4004: ['MultipleInstructionsDisallowed'],
};

const COMMENT = /^\s*(?:jettison|hadolint)\s+(global\s+)?ignore\s*=\s*(\w+(?:\s*,\s*\w+)*)/;

/**
 * Says what comments turn off: `# jettison ignore=RULE reason` and `# hadolint ignore=DL3008` above an instruction;
 * with `global ignore`, anywhere, for the file.
 */
export class Suppression {
  readonly #everywhere = new Set<string>();
  /** By line of an instruction. */
  readonly #lines = new Map<number, Set<string>>();

  /** @param ids the ids of the rules that have an alias, beside Docker's */
  constructor(
    { parts, globals, stages }: Dockerfile,
    private readonly aliases: ReadonlyMap<string, readonly string[]>,
  ) {
    for (const part of parts) {
      if (part.kind !== 'comment') continue;
      for (const line of part.text.split('\n')) this.#read(line.replace(/^\s*#/, ''), undefined);
    }
    for (const instruction of instructionsOf({ globals, stages })) {
      for (const comment of instruction.comments ?? []) this.#read(comment, instruction);
    }
  }

  /** Whether a finding of a rule at a line does not count. */
  hides(rule: string, line: number): boolean {
    return this.#everywhere.has(rule) || this.#lines.get(line)?.has(rule) === true;
  }

  #read(comment: string, instruction: Instruction | undefined): void {
    const [whole, global, list = ''] = COMMENT.exec(comment) ?? [];
    if (whole === undefined || (global === undefined) !== (instruction !== undefined)) return;
    const rules = list.split(',').flatMap((id) => this.#rulesOf(id.trim()));
    if (instruction === undefined) for (const rule of rules) this.#everywhere.add(rule);
    else {
      const { line, endLine = line } = instruction.location;
      for (let at = line; at <= endLine; at++) {
        const known = this.#lines.get(at) ?? new Set();
        for (const rule of rules) known.add(rule);
        this.#lines.set(at, known);
      }
    }
  }

  #rulesOf(id: string): readonly string[] {
    return this.aliases.get(id) ?? (Object.hasOwn(DOCKER_ALIASES, id) ? DOCKER_ALIASES[id]! : [id]);
  }
}
