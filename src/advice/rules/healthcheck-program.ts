import { defineAdvice } from '../advice.ts';
import type { StageFacts } from '../stage-facts.ts';

const HINT = 'Use a program that the image has, such as the application itself, or wget on Alpine.';

export const healthcheckProgram = defineAdvice({
  id: 'HealthcheckProgram',
  description: 'The program of a HEALTHCHECK is in the image.',
  severity: 'error',
  confidence: 'likely',
  aliases: [],
  on: 'file',
  check({ target }, report, { image }) {
    const { healthcheck } = target.final;
    if (healthcheck?.check.type !== 'command') return;
    const { command } = healthcheck.check;
    if (image !== undefined) {
      const missing = image.missingProgram(command);
      if (missing === undefined) return;
      report({
        message: `the image has no ${missing}: the container is unhealthy from the start`,
        hint: HINT,
        location: healthcheck.location,
        stage: target,
      });
      return;
    }
    const program =
      command.form === 'exec' ? (command.args[0] ?? '') : (/^[\w./-]+/.exec(command.text.trim())?.[0] ?? '');
    const repository = target.image?.repository ?? '';
    const hasNoShell = target.isScratch || /^gcr\.io\/distroless\//.test(repository);
    const tag = target.image?.tag ?? '';
    let missing: string | undefined;
    if (hasNoShell && command.form === 'shell' && !/debug/.test(tag)) missing = '/bin/sh';
    else if (/^(curl|wget)$/.test(program) && lacks(program, repository, tag) && !installs(target, program))
      missing = program;
    if (missing === undefined) return;
    report({
      message: `${target.isScratch ? 'scratch' : repository} has no ${missing}: the container is unhealthy from the start`,
      hint: HINT,
      location: healthcheck.location,
      stage: target,
    });
  },
});

function lacks(program: string, repository: string, tag: string): boolean {
  if (/distroless/.test(repository)) return true;
  const isAlpine = repository === 'alpine' || /alpine/.test(tag);
  if (isAlpine)
    return program === 'curl' && /^(alpine|node|python|golang|ruby|eclipse-temurin)$/.test(repository);
  return /slim/.test(tag) && /^(node|python|ruby|debian)$/.test(repository);
}

/** Any command or COPY that names it counts. */
function installs(stage: StageFacts, program: string): boolean {
  const own = stage.runs.some(({ commands }) =>
    commands.some(({ args }) => args.some((arg) => arg.includes(program))),
  );
  const copied = stage.copies.some(({ sources, destination }) =>
    [...sources, destination].some((path) => path.includes(program)),
  );
  return own || copied || (stage.base !== undefined && installs(stage.base, program));
}
