import { readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import type { ContextFacts, Evidence } from '../advice/advice.ts';
import { advise, type LintFinding } from '../advice/advise.ts';
import type { ImageFacts } from '../advice/image-facts.ts';
import { type LintSettings, NO_SETTINGS, parseLintSettings } from '../advice/lint-settings.ts';
import { sourcesBeforeInstall } from '../advice/rules/sources-before-install.ts';
import { type DockerfileFacts, dockerfileFacts } from '../advice/stage-facts.ts';
import { statOf } from '../context/context-source.ts';
import { JettisonError } from '../errors/error.ts';
import type { Platform } from '../image/types.ts';
import { type CheckOptions, type CheckResult, check } from './check.ts';
import { contextEvidence } from './context-evidence.ts';
import { pick } from './options.ts';
import { findShellCheck, shellFindings } from './shell-check.ts';

const SETTINGS_FILES = ['.hadolint.yaml', '.hadolint.yml'];

/** What a lint found about one Dockerfile: Docker's rules, and advice. */
export interface LintResult extends Omit<CheckResult, 'findings'> {
  findings: LintFinding[];
  /** Of its `.hadolint.yaml`; without one, nothing is set. */
  settings: LintSettings;
}

export interface LintOptions extends CheckOptions {
  /** The settings; default: `.hadolint.yaml` or `.hadolint.yml` beside the Dockerfile, else in the working directory. */
  config?: string;
  /** The working directory. */
  cwd?: string;
  /** The image that the Dockerfile made, for rules that look at it; `built`: that of its last build in this store. */
  image?: { name: string; platform?: Platform; remote?: boolean; insecure?: boolean } | 'built';
  /** Run this image, too, to see on which ports it listens; it has to be in the store. */
  run?: boolean;
  /** Look into the scripts of RUN with shellcheck, where PATH has it; default: true. */
  shell?: boolean;
  /** The day for which support of releases is judged: `2026-11-28`; default: today. */
  today?: string;
}

/**
 * Checks a Dockerfile without building it: by Docker's rules, and by rules of advice, which look at its context, too.
 *
 * @throws JettisonError when there is no Dockerfile, an option is wrong, or the settings are
 */
export async function lint({
  config,
  cwd = '.',
  image,
  run = false,
  today = new Date().toISOString().slice(0, 10),
  shell = true,
  ...options
}: LintOptions): Promise<LintResult> {
  const result = await check({ ...options, offline: true });
  const settings = await settingsOf({ config, cwd, ...options });
  const { dockerfile, plan } = result;
  if (dockerfile === undefined) {
    const findings = result.findings.map((one) => ({ severity: 'warning' as const, ...one }));
    return { ...result, settings, findings };
  }
  const facts = dockerfileFacts(dockerfile, options.buildArgs, plan?.target.index ?? options.target);
  const shipped =
    image === undefined ? undefined : await imageOf(image, facts, today, { cwd, run, ...options });
  const context = contextOf(options, facts, result);
  const { trustedRegistries } = settings;
  const evidence = { ...facts, context, plan, trustedRegistries, image: shipped, today };
  const shellCheck = shell ? findShellCheck(options.env ?? process.env) : undefined;
  const inScripts = shellCheck === undefined ? [] : await shellFindings(facts, shellCheck, options.signal);
  const others = [...result.findings, ...inScripts];
  // Only its finding says how often: without one, no history is read.
  const isRepeated =
    shipped !== undefined && advise(evidence, [], settings, [sourcesBeforeInstall]).length > 0;
  const rates = isRepeated ? await ratesOf(options) : undefined;
  const findings = advise({ ...evidence, ...(rates !== undefined && { rates }) }, others, settings);
  return { ...result, settings, findings };
}

async function imageOf(
  image: NonNullable<LintOptions['image']>,
  facts: DockerfileFacts,
  today: string,
  {
    cwd,
    run,
    context = cwd,
    file,
    target,
    home,
    env = process.env,
    signal,
  }: LintOptions & {
    cwd: string;
    run: boolean;
  },
): Promise<ImageFacts> {
  // Loaded here: most runs look at no image.
  const { imageEvidence, lastBuilt } = await import('./image-evidence.ts');
  const { platform, remote = false, insecure = false } = image === 'built' ? {} : image;
  const places = {
    ...{ env, cwd, run, remote, insecure, platform, signal: signal ?? new AbortController().signal },
    ...(home !== undefined && { home }),
  };
  if (image !== 'built') return imageEvidence(image.name, facts, today, places);
  const build = {
    context: resolve(cwd, context),
    ...(file !== undefined && { file: resolve(cwd, file) }),
    ...(target !== undefined && { target }),
  };
  return imageEvidence(await lastBuilt(build, places), facts, today, places);
}

/** How often past commits would have run each instruction; undefined for a context that is not in a repository. */
async function ratesOf({ context, ...options }: CheckOptions): Promise<Evidence['rates']> {
  if (context === undefined) return undefined;
  const { openHistory } = await import('./opened-history.ts');
  try {
    const history = await openHistory({
      ...pick(options, 'file', 'home', 'env', 'signal', 'buildArgs', 'target'),
      context,
    });
    try {
      const { steps, commits } = await history.forecast(await history.today());
      return new Map(steps.map(({ line, runs }) => [line, { runs, commits }]));
    } finally {
      history.close();
    }
  } catch (error) {
    // No repository, or a history that cannot be replayed: the finding stands without a number.
    if (error instanceof JettisonError && error.code !== 'INTERRUPTED') return undefined;
    throw error;
  }
}

/** The settings that apply to a Dockerfile: those of one file, the first that is there. */
async function settingsOf({
  config,
  cwd,
  file,
  context,
}: Pick<LintOptions, 'file' | 'context'> & {
  config: string | undefined;
  cwd: string;
}): Promise<LintSettings> {
  const beside = file === undefined || file === '-' ? (context ?? cwd) : dirname(resolve(cwd, file));
  const places =
    config === undefined
      ? [beside, cwd].flatMap((folder) => SETTINGS_FILES.map((name) => join(folder, name)))
      : [resolve(cwd, config)];
  for (const path of places) {
    let text: string;
    try {
      text = readFileSync(path, 'utf8');
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (config === undefined && code === 'ENOENT') continue;
      throw new JettisonError('LINT_CONFIG_INVALID', `cannot read ${config ?? path}: ${message}`, {
        hint: 'Name a readable file with --config.',
      });
    }
    return parseLintSettings(text, config ?? relative(cwd, path));
  }
  return NO_SETTINGS;
}

/** Nothing is known of a context that lacks what the Dockerfile copies: the build is started in another folder. */
function contextOf(
  { context, file }: CheckOptions,
  { stages }: DockerfileFacts,
  { ignore = {} }: CheckResult,
): ContextFacts | undefined {
  if (context === undefined || file === '-') return undefined;
  const directory = resolve(context);
  const found = contextEvidence(directory, ignore);
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
