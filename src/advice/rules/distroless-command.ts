import { nameOf } from '../../layer/entry.ts';
import { defineAdvice } from '../advice.ts';

export const distrolessCommand = defineAdvice({
  id: 'DistrolessCommand',
  description:
    'On distroless images of a language CMD names the script alone: the entry point is the interpreter.',
  severity: 'error',
  confidence: 'certain',
  aliases: [],
  on: 'file',
  check({ target }, report, { text, positions, image }) {
    const { cmd, entrypoint } = target.final;
    const [, language] =
      /^gcr\.io\/distroless\/(nodejs|python|java)/.exec(target.image?.repository ?? '') ?? [];
    const program =
      language === undefined
        ? interpreterOf(image?.config.Entrypoint)
        : { nodejs: 'node', python: 'python', java: 'java' }[language]!;
    if (program === undefined || entrypoint !== undefined || cmd?.command.form !== 'exec') return;
    const [first = ''] = cmd.command.args;
    if (interpreterName(first) !== program) return;
    const { location } = cmd.command;
    const start = positions.offsetOf(location);
    const [written] = /^\[\s*"[^"]*"\s*,\s*/.exec(text.slice(start)) ?? [];
    report({
      message: `the entry point of this image is ${program} itself: "${first}" is taken for the name of a script`,
      hint: `Leave out "${first}".`,
      location,
      stage: target,
      ...(written !== undefined && { fix: [{ start: start + 1, end: start + written.length, text: '' }] }),
    });
  },
});

/** The interpreter that is the whole entry point of an image, as in images made like distroless ones. */
function interpreterOf(entrypoint: readonly string[] | null | undefined): string | undefined {
  const [first = '', ...rest] = entrypoint ?? [];
  const program = interpreterName(first);
  return rest.length === 0 && /^(node|python|java)$/.test(program) ? program : undefined;
}

/** `python` of `/usr/bin/python3.12`. */
function interpreterName(path: string): string {
  return nameOf(path).replace(/[\d.]+$/, '');
}
