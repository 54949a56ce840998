import type { Leaf } from '../../inspect/leaf.ts';
import { defineImageAdvice } from '../advice.ts';
import { amount } from '../image-facts.ts';

interface Sort {
  name: string;
  /** Of paths in the application's folder. */
  pattern: RegExp;
  severity: 'warning' | 'info';
}

/** What only development needs; a path counts once, for the first sort that it is of. */
const SORTS: readonly Sort[] = [
  { name: 'the history of git', pattern: /(^|\/)\.git\//, severity: 'warning' },
  {
    name: 'tests',
    pattern:
      /(^|\/)(__tests__|tests?|spec|e2e|cypress|coverage|\.nyc_output)\/|[.-](test|spec)\.[cm]?[jt]sx?$/,
    severity: 'warning',
  },
  { name: 'source maps', pattern: /\.(js|cjs|mjs|css)\.map$/, severity: 'info' },
  { name: 'TypeScript sources', pattern: /(?<!\.d)\.[cm]?tsx?$|\.tsbuildinfo$/, severity: 'info' },
];

export const developmentFiles = defineImageAdvice({
  id: 'DevelopmentFiles',
  description: 'The history of git, tests, source maps and sources that were compiled are not in the image.',
  severity: 'warning',
  confidence: 'likely',
  aliases: [],
  on: 'file',
  check(_, report, { image }) {
    const home = (image.config.WorkingDir ?? '').replace(/^\/+|\/+$/g, '');
    const isCompiled = [...image.census.below(home)].some(({ path }) => /\.[cm]?js$/.test(path));
    const sorted = new Map(SORTS.map((sort) => [sort, [] as Leaf[]]));
    for (const leaf of image.census.leaves.values()) {
      if (image.isBase(leaf.layer)) continue;
      const sort = sortOf(leaf, home);
      if (sort !== undefined) sorted.get(sort)!.push(leaf);
    }
    for (const [sort, leaves] of sorted) {
      // Some programs run TypeScript as it is.
      if (sort.name === 'TypeScript sources' && !isCompiled) continue;
      for (const share of image.shares(() => true, leaves)) {
        report({
          message: `${sort.name} are shipped (${amount(share)}), such as ${share.largest}`.replace(
            'git are',
            'git is',
          ),
          hint: 'List them in .dockerignore, or copy only what runs into the last stage.',
          severity: sort.severity,
          bytes: share.bytes,
          ...image.place(share.layer),
        });
      }
    }
  },
});

/** The sort of a file of the application. */
function sortOf({ path, owner }: Leaf, home: string): Sort | undefined {
  if (owner !== undefined && owner.kind !== 'application') return undefined;
  const isInHome = home !== '' && path.startsWith(`${home}/`);
  const own = isInHome ? path.slice(home.length + 1) : path;
  if (own.includes('node_modules/')) return undefined;
  if (home !== '' && !isInHome && !/^(srv|opt|home|app)\//.test(path)) return undefined;
  return SORTS.find(({ pattern }) => pattern.test(own));
}
