import type { TextEdit } from '../../dockerfile/text-edit.ts';
import { blockOf, placeOf } from '../../dockerfile/text-edit.ts';
import { editedDockerfile } from '../edited-text.ts';
import type { Rewrite } from '../rewrite.ts';

/** `RUN rm -rf …` right after the RUN that made the files frees nothing: it becomes part of that RUN. */
export const mergeCleanup: Rewrite = {
  id: 'merge-cleanup',
  title: 'delete files in the layer that made them',
  aim: 'size',
  propose(evidence) {
    const { facts } = evidence;
    const edits: TextEdit[] = [];
    for (const stage of facts.stages.filter(({ ships }) => ships)) {
      for (const [i, instruction] of stage.text.instructions.entries()) {
        const above = stage.text.instructions[i - 1];
        if (instruction.kind !== 'RUN' || above?.kind !== 'RUN' || edits.length > 0) continue;
        const plain = [instruction, above].every(
          ({ command, heredocs, flags, mounts }) =>
            command.form === 'shell' && heredocs.length + flags.length + mounts.length === 0,
        );
        const command = instruction.command.form === 'shell' ? instruction.command.text.trim() : '';
        // Joined by && the first part must succeed as a whole: no `;`, `|` or `||` in it.
        const isChain = above.command.form === 'shell' && !/[;|]|(^|[^&])&($|[^&])/.test(above.command.text);
        if (
          !plain ||
          !isChain ||
          !/^(rm -r?f?r? |apt-get clean|npm cache clean|yarn cache clean)/.test(command)
        )
          continue;
        const { start, end } = placeOf(facts.dockerfile, above);
        const body = facts.text.slice(0, end).trimEnd().length;
        edits.push({ start: body, end: body, text: ` && ${command}` });
        // What is said of the deletion stands above both then.
        const block = blockOf(facts.dockerfile, instruction);
        const comment = facts.text.slice(block.start, placeOf(facts.dockerfile, instruction).start);
        if (comment !== '') edits.push({ start, end: start, text: comment });
        edits.push({ ...block, text: '' });
      }
    }
    return edits.length === 0
      ? []
      : [editedDockerfile(evidence, edits, 'moves a deletion into the RUN above it')];
  },
};
