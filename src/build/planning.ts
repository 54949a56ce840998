import type { ContextSource } from '../context/context-source.ts';
import { contextSource } from '../context/context-source.ts';
import type { Dockerfile } from '../dockerfile/ast.ts';
import { isHttpUrl } from '../dockerfile/git-url.ts';
import { parseDockerfile } from '../dockerfile/parse.ts';
import { EXIT, JettisonError } from '../errors/error.ts';
import { hostPlatform, parsePlatform } from '../image/platform.ts';
import { canonicalName } from '../image/reference.ts';
import { type ImageRequest, imageKey, type PlanInput, type PlanResult } from '../plan/input.ts';
import { contextName, type NamedContext, OCI_LAYOUT } from '../plan/named-contexts.ts';
import type { BaseImage, RunNetwork } from '../plan/plan.ts';
import { planInTurns } from '../plan/planner.ts';

/** The options of a build or a check that planning uses. */
export interface PlanOptions {
  buildArgs?: Record<string, string>;
  labels?: Record<string, string>;
  network?: RunNetwork;
  allowInsecure?: boolean;
  allowHostNetwork?: boolean;
  platform?: string;
  target?: string;
}

const DOCKER_IMAGE = 'docker-image://';

/** Parses a Dockerfile. The build argument BUILDKIT_DOCKERFILE_CHECK replaces its `check` directive. */
export function parseForBuild(
  text: { text: string; name: string },
  buildArgs: Record<string, string> = {},
): Dockerfile {
  const check = buildArgs['BUILDKIT_DOCKERFILE_CHECK'];
  return parseDockerfile(text.text, text.name, check === undefined ? {} : { check });
}

/** @throws JettisonError `PLATFORM_INVALID` */
export function planInput(options: PlanOptions, dockerfile: Dockerfile): Omit<PlanInput, 'images'> {
  const host = hostPlatform();
  return {
    dockerfile,
    buildArgs: options.buildArgs ?? {},
    labels: options.labels ?? {},
    platform: options.platform === undefined ? host : parsePlatform(options.platform, host),
    buildPlatform: host,
    network: options.network ?? 'default',
    allowInsecure: options.allowInsecure ?? false,
    allowHostNetwork: options.allowHostNetwork ?? false,
    ...(options.target === undefined ? {} : { target: options.target }),
  };
}

/**
 * Plans, and fetches the base images that planning needs.
 *
 * @param resolve finds a base image
 */
export async function planWithBases(
  input: Omit<PlanInput, 'images'>,
  resolve: (request: ImageRequest) => Promise<BaseImage>,
  signal?: AbortSignal,
): Promise<PlanResult & { kind: 'plan' }> {
  const images = new Map<string, BaseImage>();
  for (;;) {
    const planned = await planInTurns({ ...input, images }, signal);
    if (planned.kind === 'plan') return planned;
    await Promise.all(
      planned.images.map(async (request) => images.set(imageKey(request), await resolve(request))),
    );
  }
}

/** The contexts of `--build-context`, for planning, and the sources of those that are files. */
export interface NamedContextSources {
  contexts: Map<string, NamedContext>;
  files: Map<string, ContextSource>;
}

/**
 * Parses build contexts by name: `PATH`, a git or http URL, `docker-image://REF`, `oci-layout://PATH`.
 *
 * @throws JettisonError `CONTEXT_UNKNOWN`, `GIT_URL`, `REFERENCE_INVALID`
 */
export function readNamedContexts(given: Record<string, string> = {}): NamedContextSources {
  const contexts = new Map<string, NamedContext>();
  const files = new Map<string, ContextSource>();
  for (const [written, text] of Object.entries(given)) {
    const name = contextName(written);
    if (text === `${DOCKER_IMAGE}scratch`) {
      contexts.set(name, { kind: 'scratch' });
    } else if (text.startsWith(DOCKER_IMAGE)) {
      contexts.set(name, { kind: 'image', reference: canonicalName(text.slice(DOCKER_IMAGE.length)) });
    } else if (text.startsWith(OCI_LAYOUT)) {
      contexts.set(name, { kind: 'image', reference: text });
    } else {
      const source = contextSource(text);
      const scheme = /^([a-z][a-z0-9+.-]*):\/\//.exec(text)?.[1];
      if (
        source.kind === 'stdin' ||
        (source.kind === 'directory' && scheme !== undefined && !isHttpUrl(text))
      ) {
        throw new JettisonError('CONTEXT_UNKNOWN', `invalid build context ${written}="${text}"`, {
          hint: 'Give a directory, an archive, a git or http URL, docker-image://NAME or oci-layout://FOLDER.',
          exitCode: EXIT.usage,
        });
      }
      contexts.set(name, { kind: 'files' });
      files.set(name, source);
    }
  }
  return { contexts, files };
}
