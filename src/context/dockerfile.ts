import { createReadStream, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { JettisonError } from '../errors/error.ts';
import { checkLimit, limit } from '../errors/limits.ts';
import type { Source } from '../layer/entry.ts';
import { nameOfBytes } from '../layer/names.ts';
import { resolvePath } from '../layer/tree.ts';
import type { Context } from './context.ts';
import { statOf } from './context-source.ts';

export interface DockerfileOptions {
  /** The context directory; absent when the context is none (then only `file` counts). */
  directory?: string;
  /** What `-f` says: a path relative to `cwd`, or `-` for standard input. */
  file?: string;
  cwd?: string;
  /** Where `-f -` reads from. */
  stdin?: AsyncIterable<Uint8Array | string>;
}

/** What hides files from the build: `<Dockerfile>.dockerignore`, else the context's `.dockerignore`. */
export interface IgnoreText {
  ignoreText?: string;
  ignoreName?: string;
}

export interface DockerfileText extends IgnoreText {
  text: string;
  /** As the user named it, or `Dockerfile`: for messages. */
  name: string;
}

/**
 * Finds and reads the Dockerfile of a build, and the ignore file that goes with it.
 *
 * @throws JettisonError `DOCKERFILE_MISSING`, `DOCKERFILE_UNREADABLE`
 */
export async function readDockerfile(options: DockerfileOptions): Promise<DockerfileText> {
  const { path, name } = locate(options);
  const bytes = path === undefined ? await readAll(options.stdin) : await readNamed(path, name, options.file);
  if (bytes === undefined) throw missing(options, name);
  return { text: decode(bytes, name), name, ...readIgnoreText(options) };
}

/**
 * Reads the Dockerfile of an archive or a repository.
 *
 * @param file what `-f` says: a path inside the context
 * @param read gives the bytes of a file of the context, at most `limit` of them
 * @throws JettisonError `DOCKERFILE_MISSING`, `DOCKERFILE_UNREADABLE`
 */
export async function readDockerfileIn(
  context: Context,
  file: string | undefined,
  read: (source: Source, limit: number) => Promise<Uint8Array>,
): Promise<DockerfileText> {
  const names = file === undefined ? ['Dockerfile', 'dockerfile'] : [file];
  for (const name of names) {
    const { entry } = resolvePath(context, name);
    if (entry === undefined) continue;
    if (entry.type !== 'file' || entry.source === undefined) {
      throw new JettisonError('DOCKERFILE_UNREADABLE', `"${name}" in ${context.label} is not a file`);
    }
    checkSize(entry.size, name);
    const bytes = await read(entry.source, limit('dockerfile-size'));
    return { text: decode(Buffer.from(bytes), name), name };
  }
  throw new JettisonError('DOCKERFILE_MISSING', `there is no "${names[0]}" in ${context.label}`, {
    hint: 'A path given with -f is relative to the root of that context.',
  });
}

/** A Dockerfile that came alone, without a context. @throws JettisonError `DOCKERFILE_UNREADABLE` */
export function dockerfileAlone(path: string, label: string): DockerfileText {
  const bytes = readSmall(path, label);
  if (bytes === undefined || bytes.length === 0) {
    throw new JettisonError('DOCKERFILE_MISSING', `${label} has neither an archive nor a Dockerfile`, {
      hint: 'It may be a tar, plain or compressed, or the text of a Dockerfile.',
    });
  }
  return { text: decode(bytes, label), name: 'Dockerfile' };
}

/**
 * Finds and reads the ignore file that goes with a build's Dockerfile, whether that exists or not.
 *
 * @throws JettisonError `DOCKERFILE_UNREADABLE`
 */
export function readIgnoreText(options: DockerfileOptions): IgnoreText {
  const { path, name } = locate(options);
  const candidates: [path: string, name: string][] = [];
  if (path !== undefined) candidates.push([`${path}.dockerignore`, `${name}.dockerignore`]);
  if (options.directory !== undefined) {
    candidates.push([join(options.directory, '.dockerignore'), '.dockerignore']);
  }
  for (const [ignorePath, ignoreName] of candidates) {
    const ignore = readSmall(ignorePath, ignoreName);
    if (ignore !== undefined) return { ignoreText: nameOfBytes(ignore), ignoreName };
  }
  return {};
}

/**
 * The path of the ignore file that goes with a Dockerfile, or that would be made for it.
 *
 * @param path of the Dockerfile
 * @param directory of the context
 * @param ignoreName as `readIgnoreText` found it
 */
export function ignorePath(path: string, directory: string, ignoreName: string | undefined): string {
  const isBeside = ignoreName !== undefined && ignoreName !== '.dockerignore';
  return isBeside ? `${path}.dockerignore` : join(directory, '.dockerignore');
}

/** The path of the Dockerfile of a build; none for one that is piped in. */
export function locate({ directory, file, cwd }: DockerfileOptions): { path?: string; name: string } {
  if (file === '-') return { name: 'Dockerfile' };
  if (file !== undefined) return { path: resolve(cwd ?? '.', file), name: file };
  if (directory === undefined) return { name: 'Dockerfile' };
  const lower = join(directory, 'dockerfile');
  const path = join(directory, 'Dockerfile');
  return !exists(path) && exists(lower) ? { path: lower, name: 'dockerfile' } : { path, name: 'Dockerfile' };
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** What `-f` names may be a pipe, as a shell makes of `<(…)`; one that a context has would be waited for. */
async function readNamed(path: string, name: string, file: string | undefined): Promise<Buffer | undefined> {
  const stat = file === undefined ? undefined : statOf(path);
  const isStream = stat !== undefined && !stat.isFile() && !stat.isDirectory();
  return isStream ? readAll(createReadStream(path), name) : readSmall(path, name);
}

/** Undefined when the file is missing. */
function readSmall(path: string, name: string): Buffer | undefined {
  try {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return undefined;
    if (stat.isDirectory()) {
      throw new JettisonError('DOCKERFILE_UNREADABLE', `"${name}" is a directory, not a file`, {
        hint: 'Name the file itself with -f.',
      });
    }
    if (!stat.isFile()) {
      throw new JettisonError('DOCKERFILE_UNREADABLE', `"${name}" is not a regular file`, {
        hint: 'Replace it by a file; a Dockerfile that a program writes is named with -f, or piped to `-f -`.',
      });
    }
    checkSize(stat.size, name);
    return readFileSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOTDIR') return undefined;
    if (code !== 'EACCES' && code !== 'EPERM') throw error;
    throw new JettisonError('DOCKERFILE_UNREADABLE', `cannot read "${name}": permission denied`, {
      hint: 'Check its mode and owner.',
      cause: error,
    });
  }
}

async function readAll(stdin: DockerfileOptions['stdin'], name = 'standard input'): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stdin ?? []) {
    chunks.push(Buffer.from(chunk as Uint8Array));
    size += chunk.length;
    checkSize(size, name);
  }
  if (size === 0) {
    throw new JettisonError('DOCKERFILE_MISSING', `${name} has no Dockerfile`, {
      hint: 'Pipe one in, or leave out "-f -" to use the Dockerfile of the context.',
    });
  }
  return Buffer.concat(chunks);
}

function decode(bytes: Buffer, name: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new JettisonError('DOCKERFILE_UNREADABLE', `"${name}" is not UTF-8 text`, {
      hint: 'Save the file as UTF-8.',
      cause,
    });
  }
}

function checkSize(size: number, name: string): void {
  checkLimit('dockerfile-size', size, `"${name}"`, 'DOCKERFILE_UNREADABLE');
}

function missing({ directory, file }: DockerfileOptions, name: string): JettisonError {
  if (file !== undefined) {
    return new JettisonError('DOCKERFILE_MISSING', `the Dockerfile "${name}" does not exist`, {
      hint: 'A path given with -f is relative to the working directory, not to the context.',
    });
  }
  return new JettisonError('DOCKERFILE_MISSING', `there is no Dockerfile in "${directory ?? '.'}"`, {
    hint: 'Write one, or name it with -f.',
  });
}
