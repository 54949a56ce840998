import { JettisonError } from '../../errors/error.ts';
import type { RecipeEntry } from '../../layer/entry.ts';
import { LayerIndex } from '../../layer/layer-index.ts';
import type { LayerBlob, LayerRecord } from '../../store/layers.ts';
import type { SolveContext } from '../solve-context.ts';
import { damagedLayer, dropDamaged } from './damage.ts';
import { withRecipeFile } from './recipe-file.ts';
import { RecordedLayer } from './recorded.ts';

/** The layer of a RUN, of which the store has at least one form. */
export class StoredLayer extends RecordedLayer {
  protected makeDirectory(): Promise<void> {
    const { context, record } = this;
    return restoreDirectory(context, record, async (unpack) => {
      const packed = context.store.layers.blob(record.id);
      if (packed === undefined) return false;
      await context.fetchBlob(packed.blob);
      await unpack(packed);
      return true;
    });
  }
}

/**
 * Makes the worker's directory form of a layer: from the form of another kind of worker, else from the blob.
 *
 * @param fromBlob fetches and unpacks the packed form; false if there is none
 */
export async function restoreDirectory(
  context: SolveContext,
  { id, key, kind }: LayerRecord,
  fromBlob: (unpack: (packed: LayerBlob) => Promise<unknown>) => Promise<boolean>,
): Promise<void> {
  const { layers, blobs } = context.store;
  const worker = await context.worker();
  const damage = await dropDamaged(context, id);
  if (layers.hasDirectory(id, worker.forms[0])) return;
  if (layers.directories(id, worker.forms).length > 0) {
    await withRecipeFile(context, ownRecipe(id, layers.index(id)), (recipe) =>
      worker.materialise({ layer: id, recipe }),
    );
    return;
  }
  const isMade = await fromBlob(({ blob, diffId }) =>
    worker.unpack({
      layer: { id, key, kind },
      path: blobs.path(blob.digest),
      expect: { digest: blob.digest, diffId },
      whiteouts: true,
      directory: true,
    }),
  );
  if (isMade) return;
  if (damage === undefined) throw unreadableLayer(id);
  // The step that made it is carried out again by the next build.
  layers.discardRecord(id);
  throw damagedLayer(id, damage);
}

function unreadableLayer(layer: string): JettisonError {
  return new JettisonError(
    'LAYER_UNREADABLE',
    `the files of a layer of an earlier build belong to ids that this build does not have`,
    {
      hint: 'Build with --no-cache, or as the same user as the earlier build; `jettison doctor` shows the available ids.',
      details: { layer },
    },
  );
}

/** A recipe in which the source of each file is the layer itself. */
function ownRecipe(layer: string, index: LayerIndex): LayerIndex {
  const entries = [...index.entries()].map(
    (entry): RecipeEntry =>
      entry.type === 'file' ? { ...entry, source: { kind: 'layer', layer, path: entry.path } } : entry,
  );
  return LayerIndex.of(entries);
}
