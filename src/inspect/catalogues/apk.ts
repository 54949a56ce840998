import type { Catalogue } from '../catalogue.ts';
import { inventory } from '../inventory.ts';

/** Where apk keeps its list, before and since version 3 of its layout. */
const DATABASES = ['lib/apk/db/installed', 'usr/lib/apk/db/installed'];

interface Described {
  name: string;
  version: string;
  architecture?: string;
  origin?: string;
  license?: string;
  depends: string[];
  provides: string[];
  files: string[];
}

/**
 * Alpine's and Wolfi's packages: `installed` has a paragraph a package, a letter a field: P name, V version, A
 * architecture, o source package, L license, D what it needs, p what it provides, F a directory, R a file in it.
 */
export const apk: Catalogue<Described[]> = {
  id: 'apk',

  wants: (path) => (DATABASES.includes(path) ? 'whole' : undefined),

  read(_path, content) {
    const packages: Described[] = [];
    for (const paragraph of content.toString('utf8').split('\n\n')) {
      const one: Described = { name: '', version: '', depends: [], provides: [], files: [] };
      let folder = '';
      for (const line of paragraph.split('\n')) {
        const value = line.slice(2);
        if (line[1] !== ':') continue;
        if (line[0] === 'P') one.name = value;
        else if (line[0] === 'V') one.version = value;
        else if (line[0] === 'A') one.architecture = value;
        else if (line[0] === 'o') one.origin = value;
        else if (line[0] === 'L') one.license = value;
        // `!name` is a conflict.
        else if (line[0] === 'D') one.depends = words(value).filter((word) => !word.startsWith('!'));
        else if (line[0] === 'p') one.provides = words(value);
        else if (line[0] === 'F') folder = value;
        else if (line[0] === 'R') one.files.push(folder === '' ? value : `${folder}/${value}`);
      }
      if (one.name !== '' && one.version !== '') packages.push(one);
    }
    return packages.length === 0 ? undefined : packages;
  },

  own(census, facts) {
    const { distribution } = inventory(census);
    const vendor = distribution?.id ?? 'alpine';
    for (const [path, packages] of facts) {
      const providers = new Map<string, string>();
      for (const { name, provides } of packages) {
        for (const provided of [name, ...provides.map(bare)]) {
          if (!providers.has(provided)) providers.set(provided, `apk:${name}`);
        }
      }
      for (const { name, version, architecture, origin, license, depends, files } of packages) {
        const owner = census.enter({
          ...{ id: `apk:${name}`, type: 'apk', name, version, kind: 'os-package', path },
          purl: `pkg:apk/${vendor}/${encodeURIComponent(name)}@${encodeURIComponent(version)}${architecture === undefined ? '' : `?arch=${architecture}`}`,
          ...(origin !== undefined && { source: { name: origin, version } }),
          ...(license !== undefined && { license }),
          requires: [...new Set(depends.flatMap((one) => providers.get(bare(one)) ?? []))],
        });
        for (const file of files) census.own(census.leaf(file), owner, 'os-package');
      }
      for (const leaf of census.below(path.slice(0, path.lastIndexOf('/db/')))) {
        census.own(leaf, undefined, 'os-package');
      }
    }
    // What its scripts link: one program under hundreds of names.
    const busybox = census.packages.get('apk:busybox');
    if (busybox === undefined) return;
    for (const folder of ['bin', 'sbin', 'usr/bin', 'usr/sbin']) {
      for (const leaf of census.below(folder)) {
        if (leaf.entry.type === 'symlink' && /^(\/usr)?\/bin\/(busybox|bbsuid)$/.test(leaf.entry.link ?? ''))
          census.own(leaf, busybox, 'os-package');
      }
    }
  },
};

function words(text: string): string[] {
  return text.split(' ').filter((word) => word !== '');
}

/** A name without its version and without where it is pinned to: `so:libc.musl-x86_64.so.1=1`. */
function bare(word: string): string {
  return word.split(/[<>=~@]/, 1)[0]!;
}
