import type { Catalogue } from './catalogue.ts';
import type { Census } from './census.ts';

/** The distribution of an image, as `/etc/os-release` names it. */
export interface Distribution {
  /** `debian`, `alpine`, `ubuntu`… */
  id: string;
  /** `12`, `3.20.3`. */
  version?: string;
  /** For people: `Debian GNU/Linux 12 (bookworm)`. */
  name?: string;
}

const FILES = ['etc/os-release', 'usr/lib/os-release'];

/** Finds the image's distribution. Owns no paths. */
export const release: Catalogue<Distribution> = {
  id: 'os-release',
  wants: (path) => (FILES.includes(path) ? 'whole' : undefined),
  read(_path, content) {
    const values = new Map(
      content
        .toString('utf8')
        .split('\n')
        .flatMap((line) => {
          const [, name, value] = /^([A-Z_]+)=(.*)$/.exec(line) ?? [];
          return name === undefined ? [] : [[name, value!.replace(/^(["'])(.*)\1$/, '$2')] as const];
        }),
    );
    const id = values.get('ID');
    if (id === undefined || !/^[a-z0-9._-]+$/.test(id)) return undefined;
    const version = values.get('VERSION_ID');
    const name = values.get('PRETTY_NAME');
    return { id, ...(version !== undefined && { version }), ...(name !== undefined && { name }) };
  },
  own() {},
};

/** @returns the distribution; undefined where no file says */
export function inventory(census: Census): { distribution: Distribution | undefined } {
  const facts = census.facts(release.id) as Map<string, Distribution>;
  const [found] = FILES.flatMap((path) => facts.get(path) ?? []);
  return { distribution: found };
}
