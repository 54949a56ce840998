import { JettisonError } from '../errors/error.ts';
import { type Fields, isObject, jsonOf, membersOf } from '../fields/json-values.ts';

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
export function readJson(files: ProjectFiles, path: string): Fields | undefined {
  const text = files.text(path);
  if (text === undefined) return undefined;
  const value = jsonOf(text);
  if (isObject(value)) return value;
  throw new JettisonError('INIT_FILE', `${path} is not a JSON object`, {
    hint: 'Correct the file: `npm pkg fix` names what npm cannot read.',
  });
}

/** The members of an object whose values are strings. */
export function stringMembers(value: unknown): Record<string, string> {
  return Object.fromEntries(
    Object.entries(membersOf(value)).filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string',
    ),
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
