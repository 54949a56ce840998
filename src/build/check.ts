import { contextSource } from '../context/context-source.ts';
import { type DockerfileText, type IgnoreText, readDockerfile } from '../context/dockerfile.ts';
import { ignoredBy, parseIgnore } from '../context/ignore.ts';
import type { Diagnostic, Dockerfile } from '../dockerfile/ast.ts';
import { EXIT, JettisonError } from '../errors/error.ts';
import { globalScope } from '../plan/heads.ts';
import { imageKey } from '../plan/input.ts';
import { shownName } from '../plan/named-contexts.ts';
import { type Outline, outlineOf, type Target, targetsOf } from '../plan/outline.ts';
import type { BaseImage, Plan } from '../plan/plan.ts';
import { planInTurns } from '../plan/planner.ts';
import { openStore } from '../store/store.ts';
import { AvailableBases } from './available-bases.ts';
import { checkOptions, pick } from './options.ts';
import { type PlanOptions, parseForBuild, planInput, readNamedContexts } from './planning.ts';
import { checkSourceDate } from './source-date.ts';

export interface CheckOptions extends PlanOptions {
  /** The context directory; absent: no ignore file is read, and `file` is the Dockerfile. */
  context?: string;
  /** As for `build`. */
  file?: string;
  stdin?: AsyncIterable<Uint8Array | string>;
  /** Takes the place of the file's own text. */
  text?: string;
  /** Contexts by name, as for `build`. */
  contexts?: Record<string, string>;
  /** Checks only the stages that the target needs, even for the default target. */
  targetOnly?: boolean;
  /** Checks the text only: base images are read neither from the store nor from registries. */
  offline?: boolean;
  pull?: boolean;
  home?: string;
  env?: NodeJS.ProcessEnv;
  signal?: AbortSignal;
}

/** The findings about a Dockerfile. */
export interface CheckResult {
  /** As typed. */
  file: string;
  text: string;
  /** In the order of the file. */
  findings: Diagnostic[];
  /** The error that would stop the build. */
  error?: JettisonError;
  /** Base images that are not available: rules that depend on them did not run. */
  unavailable: string[];
  /** Absent when the text cannot be parsed or planned. */
  outline?: Outline;
  targets: Target[];
  /** The ignore file that goes with it. */
  ignore?: IgnoreText;
  /** Absent when the text cannot be parsed. */
  dockerfile?: Dockerfile;
  /** Absent when it cannot be planned. */
  plan?: Plan;
}

/**
 * Checks a Dockerfile like `docker build --check`: all its stages, or those that one target needs. It builds nothing.
 *
 * @throws JettisonError for a missing Dockerfile and for invalid options
 */
export async function check(options: CheckOptions): Promise<CheckResult> {
  checkOptions(options, ['targetOnly', 'offline', 'text']);
  const text = { ...(await findText(options)), ...pick(options, 'text') };
  const result: CheckResult = {
    file: text.name,
    text: text.text,
    findings: [],
    unavailable: [],
    targets: [],
    ignore: pick(text, 'ignoreText', 'ignoreName'),
  };
  let dockerfile: Dockerfile;
  try {
    dockerfile = parseForBuild(text, options.buildArgs);
  } catch (error) {
    return { ...result, findings: findingsBefore(text, options, error), error: ours(error) };
  }
  result.dockerfile = dockerfile;
  result.findings = dockerfile.diagnostics;
  result.targets = targetsOf(dockerfile);
  const before = { warnings: dockerfile.diagnostics };
  try {
    const found = await planWithAvailableImages(options, dockerfile, text, before);
    const { plan, warnings, args, unavailable } = found;
    return { ...result, plan, findings: warnings, unavailable, outline: outlineOf(dockerfile, plan, args) };
  } catch (error) {
    return { ...result, findings: before.warnings, error: ours(error) };
  }
}

/** Findings about the text above the line at which parsing failed. */
function findingsBefore(
  { text, name }: DockerfileText,
  { buildArgs }: CheckOptions,
  error: unknown,
): Diagnostic[] {
  const line = error instanceof JettisonError ? (error.location?.line ?? 1) : 1;
  const above = text.split('\n').slice(0, line - 1);
  try {
    return parseForBuild({ text: above.map((one) => `${one}\n`).join(''), name }, buildArgs).diagnostics;
  } catch (second) {
    // There is no complete stage above it.
    if (second instanceof JettisonError) return [];
    throw second;
  }
}

async function findText({ context, file, stdin, contexts }: CheckOptions): Promise<DockerfileText> {
  readNamedContexts(contexts);
  const source = context === undefined ? undefined : contextSource(context);
  const input = stdin === undefined ? {} : { stdin };
  // Only directories are read for a check. The Dockerfile of another context must be given alone.
  if (source?.kind === 'stdin' && file === undefined) return readDockerfile({ file: '-', ...input });
  if (source !== undefined && source.kind !== 'directory' && file !== '-') {
    throw new JettisonError(
      'CONTEXT_UNCHECKED',
      `only the Dockerfile of a directory can be checked, not of "${context}"`,
      {
        hint: 'Pass the Dockerfile on standard input: `jettison build --check -`.',
        exitCode: EXIT.usage,
      },
    );
  }
  return readDockerfile({
    ...(source?.kind === 'directory' ? { directory: source.path } : {}),
    ...(file === undefined ? {} : { file }),
    ...input,
  });
}

function ours(error: unknown): JettisonError {
  if (error instanceof JettisonError && error.exitCode !== EXIT.usage) return error;
  throw error;
}

/** Plans with the available base images. `unavailable`: the names of the others. */
async function planWithAvailableImages(
  options: CheckOptions,
  dockerfile: Dockerfile,
  text: DockerfileText,
  before: { warnings: Diagnostic[] },
) {
  const everyStage = options.target === undefined && !options.targetOnly;
  const images = new Map<string, BaseImage>();
  const missing = new Map<string, string>();
  const env = options.env ?? process.env;
  const store = options.offline ? undefined : openStore({ env, ...pick(options, 'home') });
  const bases = store && new AvailableBases(store, env, options.signal, options.pull);
  const ignore = text.ignoreText === undefined ? undefined : parseIgnore(text.ignoreText, text.ignoreName!);
  const input = {
    ...planInput(options, dockerfile),
    contexts: readNamedContexts(options.contexts).contexts,
    ...(ignore === undefined ? {} : { ignoredBy: (path: string) => ignoredBy(ignore, path) }),
  };
  try {
    for (;;) {
      const planned = await planInTurns(
        {
          ...input,
          images,
          check: {
            unavailable: new Set(missing.keys()),
            everyStage,
            onFailure: (warnings) => {
              before.warnings = warnings;
            },
          },
        },
        options.signal,
      );
      if (planned.kind === 'plan') {
        const scope = { globals: globalScope(input), buildArgs: input.buildArgs };
        checkSourceDate(dockerfile, scope, options.offline ? undefined : input.contexts);
        return { ...planned, unavailable: [...new Set(missing.values())] };
      }
      for (const request of planned.images) {
        const image = await bases?.resolve(request);
        if (image === undefined) missing.set(imageKey(request), shownName(request.reference));
        else images.set(imageKey(request), image);
      }
    }
  } finally {
    store?.close();
  }
}
