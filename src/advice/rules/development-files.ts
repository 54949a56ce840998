import { defineAdvice } from '../advice.ts';
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

export const developmentFiles = defineAdvice({
  id: 'DevelopmentFiles',
  description: 'The history of git, tests, source maps and sources that were compiled are not in the image.',
  severity: 'warning',
  confidence: 'likely',
  needsImage: true,
  aliases: [],
  on: 'file',
  check(_, report, { image }) {
    if (image === undefined) return;
    const home = (image.config.WorkingDir ?? '').replace(/^\/+|\/+$/g, '');
    const isCompiled = [...image.census.below(home)].some(({ path }) => /\.[cm]?js$/.test(path));
    for (const sort of SORTS) {
      // Some programs run TypeScript as it is.
      if (sort.name === 'TypeScript sources' && !isCompiled) continue;
      const shares = image.shares(({ path, owner, layer }) => {
        if (image.isBase(layer) || (owner !== undefined && owner.kind !== 'application')) return false;
        const own = home !== '' && path.startsWith(`${home}/`) ? path.slice(home.length + 1) : path;
        if (
          own.includes('node_modules/') ||
          (home !== '' && own === path && !/^(srv|opt|home|app)\//.test(path))
        )
          return false;
        return SORTS.find(({ pattern }) => pattern.test(own)) === sort;
      });
      for (const share of shares) {
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
