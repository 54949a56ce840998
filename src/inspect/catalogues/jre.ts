import { join, parentOf } from '../../layer/entry.ts';
import type { Catalogue } from '../catalogue.ts';

interface Fact {
  version: string;
  vendor?: string;
}

/** Java's own installations: their file `release`, and everything around it. */
export const jre: Catalogue<Fact> = {
  id: 'jre',

  wants: (path, size) => (/(^|\/)release$/.test(path) && size < 1 << 16 ? 'whole' : undefined),

  read(_path, content) {
    const text = content.toString('utf8');
    const version = /^JAVA_VERSION="([^"\n]+)"$/m.exec(text)?.[1];
    const vendor = /^IMPLEMENTOR="([^"\n]+)"$/m.exec(text)?.[1];
    return version === undefined ? undefined : { version, ...(vendor !== undefined && { vendor }) };
  },

  own(census, facts) {
    for (const [path, { version }] of facts) {
      const folder = parentOf(path);
      if (folder === '' || census.get(join(folder, 'bin')) === undefined) continue;
      const owner = census.enter({
        ...{ id: `generic:java@${version}:/${folder}`, type: 'generic', name: 'java', version },
        ...{ kind: 'runtime', path: folder, purl: `pkg:generic/java@${encodeURIComponent(version)}` },
      });
      for (const leaf of census.below(folder)) census.own(leaf, owner, 'runtime');
    }
  },
};
