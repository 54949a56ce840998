import { closeSync, constants, fstatSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { JettisonError } from '../errors/error.ts';
import { type ProjectFiles, projectFiles } from './project-files.ts';

/** Folders that say nothing about a project, or that a build makes again. */
const SKIPPED = new Set(
  '.git .hg .svn node_modules .next .nuxt .output .svelte-kit .turbo .cache .venv venv __pycache__ target .gradle .idea .vscode coverage'.split(
    ' ',
  ),
);
const MOST_FILES = 50_000;
const DEEPEST = 24;
/** Bytes of a file that is read: lock files are larger, but only their beginning matters. */
const MOST_BYTES = 4 * 2 ** 20;

/**
 * Lists a project's folder. Symbolic links are not followed.
 *
 * @throws JettisonError `INIT_FOLDER`
 */
export function readProject(folder: string): ProjectFiles {
  const paths: string[] = [];
  const list = (path: string, depth: number) => {
    for (const entry of entriesOf(join(folder, path), path === '')) {
      const name = path === '' ? entry.name : `${path}/${entry.name}`;
      if (entry.isDirectory()) {
        if (!SKIPPED.has(entry.name) && depth < DEEPEST) list(name, depth + 1);
      } else if (entry.isFile()) {
        paths.push(name);
      }
      if (paths.length > MOST_FILES) {
        throw new JettisonError('INIT_FOLDER', `${folder} has more than ${MOST_FILES} files`, {
          hint: 'Name the folder of one project.',
        });
      }
    }
  };
  list('', 0);
  return projectFiles(paths, (path) => readSmall(join(folder, path)));
}

function entriesOf(path: string, isTop: boolean) {
  try {
    return readdirSync(path, { withFileTypes: true });
  } catch (error) {
    // A folder that this user may not read is not a part of the image either.
    if (!isTop) return [];
    const { code } = error as NodeJS.ErrnoException;
    throw new JettisonError('INIT_FOLDER', `cannot read the folder ${path}: ${code}`, {
      hint: 'Name the folder of the project: jettison init DIRECTORY.',
    });
  }
}

function readSmall(path: string): string | undefined {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
  try {
    const status = fstatSync(fd);
    return status.isFile() && status.size <= MOST_BYTES ? readFileSync(fd, 'utf8') : undefined;
  } finally {
    closeSync(fd);
  }
}
