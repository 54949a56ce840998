import { resolve } from 'node:path';
import { Readable } from 'node:stream';
import type { Context } from '../context/context.ts';
import { type ContextSource, contextSource } from '../context/context-source.ts';
import { type DockerfileText, readDockerfile } from '../context/dockerfile.ts';
import { rulesOf } from '../context/ignore.ts';
import { checkContext, openLocalContext } from '../context/local.ts';
import type { OwnPlace } from '../context/own-places.ts';
import { EXIT, JettisonError } from '../errors/error.ts';
import { Contexts } from '../solve/build-contexts.ts';
import { type BuildOptions, pick } from './options.ts';
import type { Session } from './session.ts';

/** The inputs of a build: its contexts, and the Dockerfile if it can be read at once. */
export interface BuildInputs {
  source: ContextSource;
  /** The Dockerfile of a directory; in other contexts it is read after fetching. */
  text?: DockerfileText;
  /** Contexts by name. */
  named: ReadonlyMap<string, ContextSource>;
}

/** The opened contexts, and the Dockerfile. */
export interface OpenedInputs {
  text: DockerfileText;
  context: Context;
  contexts: Contexts;
}

/**
 * Reads the inputs that need no store and no network.
 *
 * @throws JettisonError `CONTEXT_…`, `DOCKERFILE_…`
 */
export async function readInputs(
  options: BuildOptions,
  named: ReadonlyMap<string, ContextSource>,
): Promise<BuildInputs> {
  const source = mainSource(options);
  return source.kind === 'directory'
    ? { source, text: await findDockerfile(options, source.path), named }
    : { source, named };
}

/** Opens the contexts, and fetches remote ones. */
export async function openInputs(
  { source, text, named }: BuildInputs,
  options: BuildOptions,
  session: Session,
): Promise<OpenedInputs> {
  const { store, signal } = session;
  const own = writtenBy(options);
  const contexts = new Contexts({
    store,
    own,
    signal,
    emit: session.emit,
    named,
    remotes: () => session.remotes.get(),
    worker: () => session.worker.get(),
  });
  if (source.kind === 'directory') {
    return { text: text!, context: openDirectory(source.path, text!, own, session), contexts };
  }
  const opened = await session.wait(contexts.main(source, options.file, options.stdin ?? Readable.from([])));
  return { ...opened, contexts };
}

/** The context directory; undefined for other contexts. */
export function directoryOf(source: ContextSource): string | undefined {
  return source.kind === 'directory' ? source.path : undefined;
}

/** @throws JettisonError `CONTEXT_STDIN` */
function mainSource({ context, file, buildArgs = {} }: BuildOptions): ContextSource {
  const source = contextSource(context);
  if (source.kind === 'stdin' && file === '-') {
    throw new JettisonError('CONTEXT_STDIN', 'standard input cannot be both the context and the Dockerfile', {
      hint: 'Leave out "-f -", or give another context.',
      exitCode: EXIT.usage,
    });
  }
  const keep = buildArgs['BUILDKIT_CONTEXT_KEEP_GIT_DIR'];
  if (source.kind === 'git' && keep !== undefined && /^(1|t|true)$/i.test(keep))
    source.source.keepGitDir = true;
  return source;
}

/** The places that a build writes to, which COPY does not read. */
export function writtenBy({
  outputs = [],
  cacheFrom = [],
  cacheTo = [],
  written = [],
}: BuildOptions): OwnPlace[] {
  const paths = outputs.flatMap((output) => {
    if ('path' in output) return [output.path];
    return 'to' in output && 'path' in output.to ? [output.to.path] : [];
  });
  const caches = [...cacheFrom, ...cacheTo].flatMap((one) => ('path' in one ? [one.path] : []));
  return [
    ...[...paths, ...written].map((path) => ({ path: resolve(path), what: 'an output of this build' })),
    ...caches.map((path) => ({ path: resolve(path), what: 'a cache of this build' })),
  ];
}

async function findDockerfile(options: BuildOptions, directory: string): Promise<DockerfileText> {
  checkContext(directory);
  return readDockerfile({ directory, ...pick(options, 'file', 'stdin') });
}

function openDirectory(
  directory: string,
  text: DockerfileText,
  own: readonly OwnPlace[],
  { store, signal }: Session,
): Context {
  const { ignoreText, ignoreName } = text;
  const ignore = rulesOf(ignoreText, ignoreName);
  return openLocalContext({ directory, ignore, memory: store.layout, own, signal });
}
