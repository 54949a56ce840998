import type { Dockerfile, Instruction } from '../../../src/dockerfile/ast.ts';
import { parseDockerfile } from '../../../src/dockerfile/parse.ts';
import { JettisonError } from '../../../src/errors/error.ts';

export function parse(text: string): Dockerfile {
  return parseDockerfile(text, 'Dockerfile');
}

/** The instruction type that has a kind; some types have two. */
type OfKind<I, K> = I extends { kind: infer J } ? (K extends J ? I : never) : never;

/** The instruction behind `FROM scratch`, which stands in line 2. */
export function only<K extends Instruction['kind']>(kind: K, text: string): OfKind<Instruction, K> {
  const [instruction] = parse(`FROM scratch\n${text}\n`).stages[0]!.instructions;
  if (instruction?.kind !== kind) throw new Error(`${text} is ${instruction?.kind}`);
  return instruction as OfKind<Instruction, K>;
}

/** What a text is refused with. */
export function refusal(text: string): JettisonError {
  try {
    parse(text);
  } catch (error) {
    if (error instanceof JettisonError) return error;
    throw error;
  }
  throw new Error(`${JSON.stringify(text)} was accepted`);
}
