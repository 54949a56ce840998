import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Where the built programs are, seen from dist/, from dist/chunks/ and from the sources. */
const FOLDERS = ['./', '../', '../../dist/'];

/**
 * Absolute path of one of the programs that the package consists of.
 *
 * `worker`: touches root file systems. `become`: turns into a container's command. `keeper`: stays with a command and
 * all that it starts, where there are no process namespaces. `joiner`: runs a further command in a container. `cli`:
 * what a person types.
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
