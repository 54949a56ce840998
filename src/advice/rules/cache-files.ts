import { defineImageAdvice } from '../advice.ts';
import { amount } from '../image-facts.ts';

/** Bytes from which a cache is worth a change. */
const LARGE = 1_000_000;
const WORTH_SAYING = 50_000;

export const cacheFiles = defineImageAdvice({
  id: 'CacheFiles',
  description: 'Caches, logs and temporary files are not in the image.',
  severity: 'warning',
  confidence: 'certain',
  aliases: [],
  yieldsTo: ['ApkCache', 'AptLists', 'NodeCache', 'PipCache', 'RpmCache'],
  on: 'file',
  check(_, report, { image }) {
    for (const share of image.shares(({ kind, layer }) => kind === 'cache' && !image.isBase(layer))) {
      if (share.bytes < WORTH_SAYING) continue;
      report({
        message: `caches, logs or temporary files are shipped (${amount(share)}), such as ${share.largest}`,
        hint: 'Mount the folder with RUN --mount=type=cache,target=…, or delete it in the same RUN.',
        severity: share.bytes < LARGE ? 'info' : 'warning',
        bytes: share.bytes,
        ...image.place(share.layer),
      });
    }
  },
});
