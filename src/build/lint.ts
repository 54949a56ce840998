import { resolve } from 'node:path';
import type { ContextFacts } from '../advice/advice.ts';
import { advise, type LintFinding } from '../advice/advise.ts';
import { type DockerfileFacts, dockerfileFacts } from '../advice/stage-facts.ts';
import { statOf } from '../context/context-source.ts';
import { type CheckOptions, type CheckResult, check } from './check.ts';
import { contextEvidence } from './context-evidence.ts';

/** What a lint found about one Dockerfile: Docker's rules, and advice. */
export interface LintResult extends Omit<CheckResult, 'findings'> {
  findings: LintFinding[];
}

/**
 * Checks a Dockerfile without building it: by Docker's rules, and by rules of advice, which look at its context, too.
 *
 * @throws JettisonError when there is no Dockerfile, or an option is wrong
 */
export async function lint(options: CheckOptions): Promise<LintResult> {
  const result = await check({ ...options, offline: true });
  const { dockerfile, plan } = result;
  if (dockerfile === undefined) {
    return { ...result, findings: result.findings.map((one) => ({ severity: 'warning', ...one })) };
  }
  const facts = dockerfileFacts(dockerfile, options.buildArgs);
  const context = contextOf(options, facts, result);
  return { ...result, findings: advise({ ...facts, context, plan }, result.findings) };
}

/** Nothing is known of a context that lacks what the Dockerfile copies: the build is started in another folder. */
function contextOf(
  { context, file }: CheckOptions,
  { stages }: DockerfileFacts,
  { ignore }: CheckResult,
): ContextFacts | undefined {
  if (context === undefined || file === '-') return undefined;
  const directory = resolve(context);
  const found = contextEvidence(directory, { text: '', name: '', ...ignore });
  const named = stages.flatMap(({ copies }) =>
    copies.filter(({ isContext }) => isContext).flatMap(({ sources }) => sources),
  );
  const isHere = named.every(
    (source) =>
      /[*?[$<]|:\/\/|^git@/.test(source) ||
      statOf(resolve(directory, source.replace(/^\/+/, ''))) !== undefined,
  );
  return isHere ? found : undefined;
}
