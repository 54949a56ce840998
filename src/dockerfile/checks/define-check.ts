import type { ArgInstruction, Instruction, StageText } from '../ast.ts';
import type { RawPart } from '../lines.ts';
import type { AnyRule } from './rule.ts';

/** A parsed file. */
export interface FileText {
  parts: RawPart[];
  /** The arguments before the first FROM. */
  globals: ArgInstruction[];
  stages: StageText[];
}

/** The subjects of rules on the text, in which variables are not expanded. */
export interface TextSubjects {
  file: FileText;
  stage: StageText;
  /** Every instruction of the file, FROM included, in order. */
  instruction: Instruction;
}

/** A rule on the text of a Dockerfile, with variables as written. */
export function defineCheck(rule: AnyRule<TextSubjects>): AnyRule<TextSubjects> {
  return rule;
}
