import { createHash } from 'node:crypto';
import { Explorer } from '../../src/explore/explorer.ts';
import { render } from '../../src/explore/render.ts';
import { rowText, type ScreenOptions } from '../../src/explore/screen.ts';
import { SIGNS } from '../../src/explore/text.ts';
import type { Image } from '../../src/image/image.ts';
import { Census } from '../../src/inspect/census.ts';
import { describe } from '../../src/inspect/describe.ts';
import type { Inspection } from '../../src/inspect/inspection.ts';
import type { Instruction } from '../../src/inspect/instructions.ts';
import type { RecipeEntry } from '../../src/layer/entry.ts';
import { LayerIndex } from '../../src/layer/layer-index.ts';

const FACTS = { mode: 0o644, uid: 0, gid: 0, mtime: 0 };

/**
 * Layers by their paths: a text is a file's content; `->x` a symlink, `=x` a hard link, `/` a directory, `//` an opaque
 * one, null a whiteout.
 */
export type TestLayer = Record<string, string | null>;

export function countedLayers(layers: readonly TestLayer[]) {
  return layers.map((layer, at) => ({
    diffId: `sha256:${String(at).padStart(64, '0')}` as const,
    index: LayerIndex.of(Object.entries(layer).map(([path, text]) => entryOf(layer, path, text))),
    facts: new Map<string, Map<string, unknown>>(),
  }));
}

function entryOf(layer: TestLayer, path: string, text: string | null): RecipeEntry {
  if (text === null) return { ...FACTS, path, type: 'whiteout', mode: 0, size: 0 };
  if (text === '/') return { ...FACTS, path, type: 'directory', mode: 0o755, size: 0 };
  if (text === '//') return { ...FACTS, path, type: 'directory', mode: 0o755, size: 0, opaque: true };
  if (text.startsWith('->'))
    return { ...FACTS, path, type: 'symlink', mode: 0o777, size: 0, link: text.slice(2) };
  const link = text.startsWith('=') ? text.slice(1) : undefined;
  const content = link === undefined ? text : (layer[link] ?? '');
  const digest = createHash('sha256').update(content).digest('hex');
  const size = Buffer.byteLength(content);
  return {
    ...FACTS,
    path,
    type: link === undefined ? 'file' : 'hardlink',
    size,
    digest,
    ...(link !== undefined && { link }),
  };
}

/** An image of these layers as `inspect` gives it. @param empty instructions that make no layer, after the others */
function inspectionOf(
  layers: readonly TestLayer[],
  options: { base?: number; empty?: string[] } = {},
): Inspection {
  const counted = countedLayers(layers);
  const instructions: Instruction[] = [
    ...layers.map((_, layer) => ({
      ...{ text: `RUN step ${layer + 1}`, keyword: 'RUN', layer },
      location: { file: 'Dockerfile', line: layer + 10 },
    })),
    ...(options.empty ?? []).map((text) => ({ text, keyword: text.split(' ')[0]! })),
  ];
  const image: Image = {
    label: 'app:1',
    descriptor: { mediaType: 'm', digest: `sha256:${'d'.repeat(64)}`, size: 1 },
    id: `sha256:${'e'.repeat(64)}`,
    config: {
      ...{ os: 'linux', architecture: 'amd64' },
      rootfs: { type: 'layers', diff_ids: counted.map(({ diffId }) => diffId) },
    },
    layers: counted.map(({ diffId }) => ({
      ...{ diffId, blob: { mediaType: 'm', digest: diffId, size: 7 } },
      open: async function* () {},
    })),
    close: async () => {},
  };
  const base = options.base === undefined ? undefined : { name: 'base', layers: options.base };
  return {
    image,
    census: new Census(counted),
    instructions,
    base,
    provenance: undefined,
    distribution: undefined,
  };
}

/** An explorer before a terminal of this size. */
export function explorerOf(
  layers: readonly TestLayer[],
  options: { columns?: number; rows?: number; base?: number; empty?: string[] } = {},
): Explorer {
  const inspection = inspectionOf(layers, options);
  const { columns = 100, rows = 30 } = options;
  const causes = ({ path }: { path: string }) => [{ what: 'path', detail: `/${path}` }];
  return new Explorer(inspection, describe(inspection), causes, { columns, rows });
}

/** What the terminal would show, a line a row. */
export function shown(explorer: Explorer, options: Partial<ScreenOptions> = {}): string[] {
  const signs = options.ascii ? SIGNS.ascii : SIGNS.unicode;
  const how = { ascii: options.ascii ?? false, ellipsis: signs.ellipsis };
  return render(explorer, signs).map((row) => rowText(row, how));
}
