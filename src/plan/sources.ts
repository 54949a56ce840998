import type { Instruction, RunInstruction } from '../dockerfile/ast.ts';
import { mountFrom } from './run-mounts.ts';

/** An instruction or a mount with a `from`: the key of its source. */
export type SourceUser = Instruction | RunInstruction['mounts'][number];

/** The names of stages and images in `--from` and `from=` of an instruction. */
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
