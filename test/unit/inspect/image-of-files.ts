import { hash } from 'node:crypto';
import { CATALOGUES } from '../../../src/inspect/catalogues.ts';
import { Census } from '../../../src/inspect/census.ts';
import { settleKinds } from '../../../src/inspect/kinds.ts';
import { bytes } from '../../../src/inspect/random-access.ts';
import type { RecipeEntry } from '../../../src/layer/entry.ts';
import { LayerIndex } from '../../../src/layer/layer-index.ts';

const FACTS = { mode: 0o644, uid: 0, gid: 0, mtime: 0 };

/**
 * An image of one layer with these files, counted as a real one is; a text that begins with `->` is a symlink, bytes are
 * a program.
 *
 * @param config where the image works, and where the COPY that made the layer put its files
 */
export function imageOf(
  files: Record<string, string | Buffer>,
  config: { workingDirectory?: string; destination?: string } = {},
): Census {
  const facts = new Map<string, Map<string, unknown>>();
  const entries = Object.entries(files).map(([path, text]): RecipeEntry => {
    if (typeof text === 'string' && text.startsWith('->'))
      return { ...FACTS, path, type: 'symlink', size: 0, link: text.slice(2) };
    const content = Buffer.from(text as string);
    const mode = typeof text === 'string' ? FACTS.mode : 0o755;
    for (const catalogue of CATALOGUES) {
      const fact = factOf(catalogue, path, content, mode);
      if (fact === undefined) continue;
      // As it is when it comes from the disk.
      const of = facts.get(catalogue.id) ?? new Map();
      facts.set(catalogue.id, of.set(path, JSON.parse(JSON.stringify(fact))));
    }
    return {
      ...FACTS,
      mode,
      path,
      type: 'file',
      size: content.length,
      digest: hash('sha256', content, 'hex'),
    };
  });
  const counted = new Census([{ diffId: `sha256:${'0'.repeat(64)}`, index: LayerIndex.of(entries), facts }]);
  for (const catalogue of CATALOGUES) catalogue.own(counted, counted.facts(catalogue.id));
  const { workingDirectory, destination } = config;
  settleKinds(counted, { baseLayers: 0, workingDirectory, destinations: [destination] });
  return counted;
}

function factOf(
  catalogue: (typeof CATALOGUES)[number],
  path: string,
  content: Buffer,
  mode: number,
): unknown {
  switch (catalogue.wants(path, content.length, mode)) {
    case 'whole':
      return catalogue.read?.(path, content);
    case 'random':
      return catalogue.lookInto?.(path, bytes(content));
    case 'pieces': {
      const scan = catalogue.scan!(path, content.length);
      for (let at = 0; at < content.length; at += 1000) scan.data(content.subarray(at, at + 1000));
      return scan.end();
    }
    default:
      return undefined;
  }
}

/** Owner's id and kind of every path. */
export const owners = (counted: Census) =>
  Object.fromEntries([...counted.leaves].map(([path, { owner, kind }]) => [path, [owner?.id, kind]]));
