import { createWriteStream, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Context } from '../context/context.ts';
import type { ContextSource } from '../context/context-source.ts';
import {
  type DockerfileText,
  dockerfileAlone,
  readDockerfile,
  readDockerfileIn,
  readIgnoreText,
} from '../context/dockerfile.ts';
import { ignoreRules, parseIgnore } from '../context/ignore.ts';
import { LayerContext } from '../context/layer-context.ts';
import { openLocalContext } from '../context/local.ts';
import type { OwnPlace } from '../context/own-places.ts';
import { JettisonError } from '../errors/error.ts';
import { withoutCredentials } from '../errors/safe-text.ts';
import type { Emit } from '../events/event.ts';
import { type OnProgress, sparing, transferName } from '../events/transfer.ts';
import type { Digest } from '../image/digest.ts';
import { LayerIndex } from '../layer/layer-index.ts';
import type { Worker } from '../protocol/operations.ts';
import type { Remotes } from '../remote/remotes.ts';
import { digestOfFile } from '../store/blobs.ts';
import type { Store } from '../store/store.ts';
import { temporaryPath } from '../store/temporary.ts';
import { unpackArchive } from './unpack-archive.ts';

export interface ContextsOptions {
  store: Store;
  signal: AbortSignal;
  emit: Emit;
  /** Files of `--build-context`, by name. */
  named: ReadonlyMap<string, ContextSource>;
  /** Places that the build writes. */
  own: readonly OwnPlace[];
  remotes(): Promise<Remotes>;
  worker(): Promise<Worker>;
}

/** Opens build contexts, each when it is first needed. */
export class Contexts {
  readonly #opened = new Map<string, Promise<Context>>();

  constructor(private readonly options: ContextsOptions) {}

  /** @throws JettisonError `CONTEXT_…`, `DOWNLOAD_FAILED`, `GIT_…`, `TAR_INVALID` */
  named(name: string): Promise<Context> {
    let opened = this.#opened.get(name);
    if (opened === undefined) {
      opened = this.#openNamed(this.options.named.get(name)!);
      this.#opened.set(name, opened);
    }
    return opened;
  }

  /**
   * Opens a main context that is not a directory of the user, and finds its Dockerfile. As in Docker, ignore files in
   * it are not read.
   *
   * @param file value of `-f`: a path inside the context, or `-` for a Dockerfile from `stdin`
   * @throws JettisonError as `named`, and `DOCKERFILE_…`
   */
  async main(
    source: Exclude<ContextSource, { kind: 'directory' }>,
    file: string | undefined,
    stdin: AsyncIterable<Uint8Array | string>,
  ): Promise<{ context: Context; text: DockerfileText }> {
    if (file === '-') {
      const context = await this.#files(source);
      return { context, text: await readDockerfile({ file, stdin }) };
    }
    if (source.kind === 'git') {
      const context = await this.#repository(source);
      const text = await readDockerfileIn(context, file, async (at) =>
        at.kind === 'host' ? readFileSync(at.path) : Buffer.alloc(0),
      );
      return { context, text };
    }
    const { path, digest, label } = await this.#file(source, stdin);
    const archive = await this.#archive(path, digest, label);
    if (archive === undefined) {
      if (file !== undefined) {
        throw new JettisonError(
          'DOCKERFILE_TWICE',
          `${label} is not an archive: -f names a second Dockerfile`,
          {
            hint: 'Leave out -f, or give an archive that has that file.',
          },
        );
      }
      return { context: emptyContext(label), text: dockerfileAlone(path, label) };
    }
    const text = await readDockerfileIn(archive, file, async (at, limit) =>
      (await this.options.worker()).read({ source: at, limit }),
    );
    return { context: archive, text };
  }

  async #openNamed(source: ContextSource): Promise<Context> {
    const { store, signal, own } = this.options;
    if (source.kind === 'directory') {
      const directory = resolve(source.path);
      const { ignoreText = '', ignoreName = '.dockerignore' } = readIgnoreText({ directory });
      const ignore = parseIgnore(ignoreText, ignoreName);
      return openLocalContext({ directory, ignore, memory: store.layout, own, label: source.path, signal });
    }
    return this.#files(source);
  }

  /** The context of a repository or an archive. */
  async #files(source: Exclude<ContextSource, { kind: 'directory' }>): Promise<Context> {
    if (source.kind === 'git') return this.#repository(source);
    const { path, digest, label } = await this.#file(source);
    const archive = await this.#archive(path, digest, label);
    if (archive !== undefined) return archive;
    throw new JettisonError(
      'CONTEXT_MISSING',
      `the build context ${label} is neither a directory nor an archive`,
      {
        hint: 'Give a tar, plain or compressed.',
      },
    );
  }

  async #repository({ source }: ContextSource & { kind: 'git' }): Promise<Context> {
    const remotes = await this.options.remotes();
    const { directory } = await this.#fetched(source.url, (onProgress) =>
      remotes.checkOut(source, onProgress),
    );
    const { signal } = this.options;
    return openLocalContext({
      directory,
      ignore: ignoreRules([], ''),
      label: withoutCredentials(source.url),
      signal,
    });
  }

  /** Reports a fetch as an import. */
  async #fetched<T>(url: string, fetch: (onProgress: OnProgress) => Promise<T>): Promise<T> {
    const { emit } = this.options;
    const what = `context ${transferName(url)}`;
    const started = Date.now();
    emit({ type: 'export.started', what, import: true });
    const found = await fetch(
      sparing((progress) => emit({ type: 'transfer', of: what, direction: 'in', ...progress })),
    );
    emit({ type: 'export.finished', what, durationMs: Date.now() - started });
    return found;
  }

  /** The file of an archive, downloaded or copied from standard input if necessary. */
  async #file(
    source: ContextSource & { kind: 'archive' | 'http' | 'stdin' },
    stdin: AsyncIterable<Uint8Array | string> = [] as never,
  ): Promise<{ path: string; digest: Digest; label: string }> {
    const { store, signal } = this.options;
    switch (source.kind) {
      case 'http': {
        const { url } = source;
        const remotes = await this.options.remotes();
        const { path, digest } = await this.#fetched(url, (onProgress) =>
          remotes.download(url, undefined, onProgress),
        );
        return { path, digest, label: withoutCredentials(source.url) };
      }
      case 'stdin': {
        const path = temporaryPath(store.layout, 'context');
        await pipeline(stdin, createWriteStream(path), { signal });
        return { path, digest: `sha256:${await digestOfFile(path)}`, label: 'standard input' };
      }
      case 'archive': {
        const path = resolve(source.path);
        return { path, digest: `sha256:${await digestOfFile(path)}`, label: `"${source.path}"` };
      }
    }
  }

  async #archive(path: string, digest: Digest, label: string): Promise<Context | undefined> {
    const { isArchive } = await import('./copy/archive-detect.ts');
    if (!(await isArchive(path))) return undefined;
    const id = await unpackArchive(this.options, path, digest);
    return new LayerContext({ id, index: this.options.store.layers.index(id) }, label);
  }
}

function emptyContext(label: string): Context {
  return new LayerContext({ id: '', index: LayerIndex.of([]) }, label);
}
