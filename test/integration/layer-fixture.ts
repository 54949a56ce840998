import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RecipeEntry } from '../../src/layer/entry.ts';
import { LayerIndex } from '../../src/layer/layer-index.ts';
import { writeRecipe } from '../../src/layer/recipe.ts';
import { TAR_END, tarHeader, tarPadding } from '../../src/layer/tar-write.ts';
import { formsOf } from '../../src/machine/readable-forms.ts';
import type { LayerIdentity } from '../../src/protocol/exec-request.ts';
import { installLayer, type LayerKind, layerId, layerRecord } from '../../src/store/layers.ts';
import { StoreLayout } from '../../src/store/layout.ts';
import type { WorkerContext } from '../../src/worker/worker-context.ts';
import { tempDir } from '../support/temp-dir.ts';

export const asRoot = process.getuid?.() === 0;

/** The context of a worker on an empty store: of root's, or of one without namespaces, which this process is like. */
export function emptyStore(): WorkerContext {
  const layout = new StoreLayout(join(tempDir(), 'store'));
  for (const folder of [layout.blobs, layout.layers, layout.temporary])
    mkdirSync(folder, { recursive: true });
  return {
    layout,
    forms: formsOf(asRoot ? 'root' : 'none'),
    overlay: asRoot ? 'trusted' : 'none',
  };
}

export function identity(kind: LayerKind): LayerIdentity {
  const key = `sha256:${randomBytes(32).toString('hex')}` as const;
  return { id: layerId(key), key, kind };
}

/** Adds a layer of which there is only a recipe; gives its id and the recipe's file. */
export function layerOf(ctx: WorkerContext, entries: RecipeEntry[]): { layer: string; recipe: string } {
  const index = LayerIndex.of(entries);
  const record = layerRecord(identity('copy'), index);
  installLayer(ctx.layout, { record, index: index.bytes });
  const recipe = join(tempDir(), 'recipe');
  writeRecipe(recipe, index.entries());
  return { layer: record.id, recipe };
}

export type TarMember = Partial<RecipeEntry> & { path: string; content?: string };

/** A tar of these members, in this order, names as given; written to a file whose path is returned. */
export function tarFile(members: TarMember[], compress: (tar: Buffer) => Buffer = (tar) => tar): string {
  const parts = members.flatMap(({ content = '', ...member }) => {
    const data = Buffer.from(content);
    const entry: RecipeEntry = {
      type: 'file',
      mode: member.type === 'directory' ? 0o755 : 0o644,
      uid: 0,
      gid: 0,
      mtime: 1_600_000_000,
      ...member,
      size: data.length,
    };
    return [tarHeader(entry), data, Buffer.alloc(tarPadding(data.length))];
  });
  const path = join(tempDir(), 'archive');
  writeFileSync(path, compress(Buffer.concat([...parts, TAR_END])));
  return path;
}
