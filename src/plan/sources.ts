import type { Instruction, RunInstruction } from '../dockerfile/ast.ts';
import { mountFrom } from './run-mounts.ts';

/** What an instruction's or a mount's source is found by. */
export type SourceUser = Instruction | RunInstruction['mounts'][number];

/** What an instruction takes from stages and images, by the names that it has for them. */
export function sourcesOf(instruction: Instruction): { user: SourceUser; name: string }[] {
  switch (instruction.kind) {
    case 'COPY':
    case 'ADD':
      return instruction.from === undefined ? [] : [{ user: instruction, name: instruction.from.text }];
    case 'RUN':
      return instruction.mounts.flatMap((mount) => {
        const from = mountFrom(mount);
        return from === undefined ? [] : [{ user: mount, name: from.text }];
      });
    default:
      return [];
  }
}
