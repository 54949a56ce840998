import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Folders of the built programs, relative to dist/, to dist/chunks/ and to the sources. */
const FOLDERS = ['./', '../', '../../dist/'];

/**
 * Absolute path of one of the package's programs.
 *
 * `worker`: reads and writes root file systems. `become`: executes a container's command in its own place. `keeper`:
 * kills a command's processes where there are no pid namespaces. `joiner`: runs a further command in a container.
 * `cli`: the command line.
 */
export function entryPath(program: 'worker' | 'become' | 'keeper' | 'joiner' | 'cli'): string {
  return packagedFile(`${program}.js`);
}

/** Absolute path of a file that the build makes in dist/. */
export function packagedFile(name: string): string {
  const paths = FOLDERS.map((folder) => fileURLToPath(new URL(`${folder}${name}`, import.meta.url)));
  const found = paths.find((path) => existsSync(path));
  if (found === undefined) throw new Error(`no ${name} beside ${import.meta.url}: run \`npm run build\``);
  return found;
}
