import { defineAdvice } from '../advice.ts';

export const distrolessCommand = defineAdvice({
  id: 'DistrolessCommand',
  description:
    'On distroless images of a language CMD names the script alone: the entry point is the interpreter.',
  severity: 'error',
  confidence: 'certain',
  aliases: [],
  on: 'file',
  check({ target }, report, { text, positions }) {
    const { cmd, entrypoint } = target.final;
    const [, language] =
      /^gcr\.io\/distroless\/(nodejs|python|java)/.exec(target.image?.repository ?? '') ?? [];
    if (language === undefined || entrypoint !== undefined || cmd?.command.form !== 'exec') return;
    const program = { nodejs: 'node', python: 'python', java: 'java' }[language]!;
    const [first = ''] = cmd.command.args;
    if (first.replace(/^.*\//, '').replace(/[\d.]+$/, '') !== program) return;
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
