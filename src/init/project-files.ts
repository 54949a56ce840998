import { JettisonError } from '../errors/error.ts';

/** The files of a project, as far as detection needs them. Paths are relative, with `/`. */
export interface ProjectFiles {
  /** Sorted; without what version control and package managers keep: `.git`, `node_modules`. */
  paths: readonly string[];
  has(path: string): boolean;
  /** UTF-8 without a byte order mark, and with `\n` as the end of a line; undefined for a missing or large file. */
  text(path: string): string | undefined;
}

/** Files from a table: tests write theirs so, and the reader of a folder fills one. */
export function projectFiles(
  paths: Iterable<string>,
  read: (path: string) => string | undefined,
): ProjectFiles {
  const sorted = [...new Set(paths)].sort();
  const known = new Set(sorted);
  const texts = new Map<string, string | undefined>();
  return {
    paths: sorted,
    has: (path) => known.has(path),
    text: (path) => {
      if (!known.has(path)) return undefined;
      if (!texts.has(path)) {
        texts.set(
          path,
          read(path)
            ?.replace(/^\uFEFF/, '')
            .replaceAll('\r\n', '\n'),
        );
      }
      return texts.get(path);
    },
  };
}

/** A JSON object of a project. @throws JettisonError `INIT_FILE` */
export function readJson(files: ProjectFiles, path: string): Record<string, unknown> | undefined {
  const text = files.text(path);
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (isRecord(value)) return value;
  } catch {
    // Reported below.
  }
  throw new JettisonError('INIT_FILE', `${path} is not a JSON object`, {
    hint: 'Correct the file: `npm pkg fix` names what npm cannot read.',
  });
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The members of an object whose values are strings. */
export function stringMembers(value: unknown): Record<string, string> {
  if (!isRecord(value)) return {};
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

/** The first of some paths that exists. */
export function firstFile(files: ProjectFiles, paths: readonly string[]): string | undefined {
  return paths.find((path) => files.has(path));
}

/** Whether a folder has any file. */
export function hasFolder(files: ProjectFiles, folder: string): boolean {
  return files.paths.some((path) => path.startsWith(`${folder}/`));
}

/** A path below a folder; the folder `` is the project's. */
export function below(folder: string, path: string): string {
  return folder === '' ? path : path === '' ? folder : `${folder}/${path}`;
}
