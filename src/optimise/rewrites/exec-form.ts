import { packageScript } from '../../advice/package-json.ts';
import { execForm } from '../../dockerfile/json-form.ts';
import { placeOf } from '../../dockerfile/text-edit.ts';
import { editedDockerfile, plainWords } from '../edited-text.ts';
import type { OptimiseEvidence, Rewrite } from '../rewrite.ts';

/** A CMD in shell form, or one that starts npm: the program itself gets the signals. */
export const execFormRewrite: Rewrite = {
  id: 'exec-form',
  title: 'start the program itself',
  aim: 'safety',
  propose(evidence) {
    const { facts } = evidence;
    const { cmd, entrypoint } = facts.target.final;
    if (cmd === undefined || entrypoint !== undefined) return [];
    const words = cmd.command.form === 'exec' ? cmd.command.args : plainWords(cmd.command.text.trim());
    if (words === undefined) return [];
    const program = programOf(words, evidence);
    if (program === undefined || (cmd.command.form === 'exec' && program === words)) return [];
    const { start, end } = placeOf(facts.dockerfile, cmd);
    const text = facts.text.slice(start, end);
    const [keyword] = /^\s*\S+\s+/.exec(text)!;
    const [tail] = /\s*$/.exec(text)!;
    const edit = { start: start + keyword.length, end: end - tail.length, text: execForm(program) };
    return [editedDockerfile(evidence, [edit], `starts ${program.join(' ')} without a shell or npm`)];
  },
};

/** The words behind `npm start`; undefined where its script is not one plain command, or hooks run around it. */
function programOf(words: string[], { context }: OptimiseEvidence): string[] | undefined {
  if (!/^(npm|yarn|pnpm)$/.test(words[0] ?? '')) return words;
  const script = packageScript(words, context.file('package.json'));
  const program = script?.isAlone ? plainWords(script.text) : undefined;
  // Programs of node_modules/.bin are found by npm alone.
  return program !== undefined && /^(node|bun|deno|python3?)$/.test(program[0]!) ? program : undefined;
}
