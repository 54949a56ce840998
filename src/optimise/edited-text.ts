import { packageScript } from '../advice/package-json.ts';
import type { StageFacts } from '../advice/stage-facts.ts';
import type { CommandInstruction } from '../dockerfile/ast.ts';
import { applyEdits, type TextEdit } from '../dockerfile/text-edit.ts';
import type { Candidate, OptimiseEvidence } from './rewrite.ts';

/** A candidate that changes the Dockerfile by edits. */
export function editedDockerfile(
  { texts }: Pick<OptimiseEvidence, 'texts'>,
  edits: readonly TextEdit[],
  summary: string,
  check?: string,
): Candidate {
  const dockerfile = applyEdits(texts.dockerfile, edits);
  return { summary, texts: { ...texts, dockerfile }, ...(check === undefined ? {} : { check }) };
}

/** A string that is one plain command: no operator, variable or quote. */
export function plainWords(text: string): string[] | undefined {
  return /^[\w./@-]+( +[\w./@=:,-]+)*$/.test(text) ? text.split(/ +/) : undefined;
}

/** The words that start the image's program; undefined for a script or a variable. */
function startWords({ final: { cmd, entrypoint } }: StageFacts): string[] | undefined {
  const of = (instruction: CommandInstruction | undefined) =>
    instruction === undefined
      ? []
      : instruction.command.form === 'exec'
        ? instruction.command.args
        : plainWords(instruction.command.text.trim());
  const [first, second] = [of(entrypoint), of(cmd)];
  return first === undefined || second === undefined ? undefined : [...first, ...second];
}

/** The file that the program's interpreter is given: `dist/server.js` of `node dist/server.js`. */
export function startFile({
  facts,
  context,
}: Pick<OptimiseEvidence, 'facts' | 'context'>): string | undefined {
  let words = startWords(facts.target);
  const script = words && packageScript(words, context.file('package.json'));
  if (script !== undefined) words = plainWords(script.text);
  if (words === undefined || words.length === 0) return undefined;
  const isInterpreter = /^(?:.*\/)?(node|bun|deno|python[\d.]*|ruby|sh|bash|java)$/.test(words[0]!);
  const file = isInterpreter
    ? words.slice(1).find((word) => !word.startsWith('-') && word !== 'run')
    : words[0]!;
  return file?.replace(/^\.\//, '');
}
