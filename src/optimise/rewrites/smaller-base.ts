import { execForm } from '../../dockerfile/json-form.ts';
import { placeOf } from '../../dockerfile/text-edit.ts';
import { editedDockerfile } from '../edited-text.ts';
import type { Rewrite } from '../rewrite.ts';

/** Another base for the final stage, the smallest first. */
export const smallerBase: Rewrite = {
  id: 'smaller-base',
  title: 'a smaller base',
  aim: 'size',
  propose(evidence) {
    const { facts, bases } = evidence;
    const { target } = facts;
    if (target.base !== undefined || target.isScratch) return [];
    const { from, instructions } = target.text;
    const { cmd } = target.final;
    const start = facts.positions.offsetOf(from.image.location);
    return bases.map(({ name, entrypoint }) => {
      const edits = [{ start, end: start + from.image.text.length, text: name }];
      const program = entrypoint.at(-1)?.replace(/^.*\//, '');
      const own = instructions.some(({ kind }) => kind === 'ENTRYPOINT');
      // Its entry point is the interpreter itself.
      if (!own && cmd?.command.form === 'exec' && program === cmd.command.args[0]) {
        const { start: from, end } = placeOf(facts.dockerfile, cmd);
        const text = facts.text.slice(from, end);
        const array = text.indexOf('[');
        const close = text.lastIndexOf(']') + 1;
        edits.push({ start: from + array, end: from + close, text: execForm(cmd.command.args.slice(1)) });
      }
      return editedDockerfile(evidence, edits, `builds the final stage on ${name}`);
    });
  },
};
