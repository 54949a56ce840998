import type { TarHeader } from '../layer/tar-read.ts';

const MAX_LINKS = 16;

/** Names of a tar's members, and links between them: old Docker versions store a repeated layer as a link. */
export class MemberNames {
  readonly #links = new Map<string, string>();

  /** Notes a member. @returns its name as `find` gives it */
  add({ name, type, link }: TarHeader): string {
    const at = clean(name);
    if (type === 'symlink') this.#links.set(at, clean(`${at}/../${link}`));
    else if (type === 'hardlink') this.#links.set(at, clean(link!));
    return at;
  }

  /** Follows links from a name to the name of a file. */
  find(name: string): string {
    let at = clean(name);
    for (let links = 0; links < MAX_LINKS && this.#links.has(at); links++) at = this.#links.get(at)!;
    return at;
  }
}

/** `./a//b/../c` → `a/c`; `..` stops at the root. */
function clean(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return parts.join('/');
}
