import { defineAdvice } from '../advice.ts';

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
    const script = context && scriptOf(args, context.file('package.json'));
    const words =
      script !== undefined && /^node [\w./-]+( [\w./=:-]+)*$/.test(script) ? script.split(' ') : undefined;
    const start = positions.offsetOf(location);
    const array = /^\[[^\]]*\]/.exec(text.slice(start))?.[0];
    report({
      message: `${args[0]} runs as a process between the engine and the program: it needs memory, and may not pass SIGTERM on`,
      hint:
        words === undefined
          ? 'Write the program itself: CMD ["node", "server.js"].'
          : `Write ${JSON.stringify(words).replaceAll(',', ', ')}.`,
      location,
      stage: target,
      ...(words !== undefined &&
        array !== undefined &&
        entrypoint === undefined && {
          fix: [
            {
              start,
              end: start + array.length,
              text: `[${words.map((word) => JSON.stringify(word)).join(', ')}]`,
            },
          ],
        }),
    });
  },
});

/** The script of package.json that a command runs; undefined where others run before or after it. */
function scriptOf(args: readonly string[], manifest: string | undefined): string | undefined {
  const name = args[1] === 'run' ? args[2] : args[1];
  if (manifest === undefined || name === undefined || args.length > (args[1] === 'run' ? 3 : 2))
    return undefined;
  try {
    const { scripts = {} } = JSON.parse(manifest) as { scripts?: Record<string, unknown> };
    const hasHooks = Object.hasOwn(scripts, `pre${name}`) || Object.hasOwn(scripts, `post${name}`);
    const script = Object.hasOwn(scripts, name) ? scripts[name] : undefined;
    return typeof script === 'string' && !hasHooks ? script : undefined;
  } catch {
    return undefined;
  }
}
