import { execForm } from '../../dockerfile/json-form.ts';
import { defineAdvice } from '../advice.ts';
import { packageScript } from '../package-json.ts';

const MANAGERS = /^(npm|yarn|pnpm|npx|bunx)$/;

export const packageManagerStart = defineAdvice({
  id: 'PackageManagerStart',
  description: 'The image starts its program itself, not through npm, yarn or pnpm.',
  severity: 'warning',
  confidence: 'certain',
  aliases: [],
  on: 'file',
  check({ target }, report, { text, positions, context }) {
    const { cmd, entrypoint } = target.final;
    const started = entrypoint ?? cmd;
    if (started?.command.form !== 'exec') return;
    const { args, location } = started.command;
    if (!MANAGERS.test(args[0] ?? '')) return;
    const found = packageScript(args, context?.file('package.json'));
    const script = found?.isAlone ? found.text : undefined;
    const words =
      script !== undefined && /^node [\w./-]+( [\w./=:-]+)*$/.test(script) ? script.split(' ') : undefined;
    const start = positions.offsetOf(location);
    const array = /^\[[^\]]*\]/.exec(text.slice(start))?.[0];
    report({
      message: `${args[0]} runs as a process between the engine and the program: it needs memory, and may not pass SIGTERM on`,
      hint:
        words === undefined
          ? 'Write the program itself: CMD ["node", "server.js"].'
          : `Write ${execForm(words)}.`,
      location,
      stage: target,
      ...(words !== undefined &&
        array !== undefined &&
        entrypoint === undefined && {
          fix: [
            {
              start,
              end: start + array.length,
              text: execForm(words),
            },
          ],
        }),
    });
  },
});
