import type { Dockerfile, Instruction } from '../dockerfile/ast.ts';
import { instructionsOf } from '../dockerfile/checks/check-text.ts';
import { rulesNamed } from './rule-names.ts';

const COMMENT = /^\s*(jettison|hadolint)\s+(global\s+)?ignore\s*=\s*(\w+(?:\s*,\s*\w+)*)/;

/**
 * Says what comments turn off: `# jettison ignore=RULE reason` and `# hadolint ignore=DL3008` above an instruction;
 * with `global ignore`, anywhere, for the file.
 */
export class Suppression {
  readonly #everywhere = new Set<string>();
  /** By line of an instruction. */
  readonly #lines = new Map<number, Set<string>>();

  /** @param obeysHadolint whether hadolint's comments count */
  constructor(
    { parts, globals, stages }: Dockerfile,
    private readonly obeysHadolint: boolean,
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
    const [whole, tool, global, list = ''] = COMMENT.exec(comment) ?? [];
    if (tool === 'hadolint' && !this.obeysHadolint) return;
    if (whole === undefined || (global === undefined) !== (instruction !== undefined)) return;
    const rules = list.split(',').flatMap((id) => rulesNamed(id.trim()));
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
}
