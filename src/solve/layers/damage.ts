import { JettisonError } from '../../errors/error.ts';
import type { SolveContext } from '../solve-context.ts';

/** Deletes a damaged directory of a layer. @returns the fault in words; undefined for an intact or missing directory */
export async function dropDamaged(
  { worker, store, emit, warned }: SolveContext,
  id: string,
): Promise<string | undefined> {
  const started = await worker();
  if (!store.layers.hasDirectory(id, started.forms[0])) return undefined;
  const damage = await started.sampleDirectory({ layer: id });
  if (damage !== undefined && !warned.has(id)) {
    warned.add(id);
    emit({
      type: 'warning',
      code: 'StoreDamaged',
      message: `The files of a layer in the store have been damaged (${damage}), and are made again`,
      hint: '`jettison doctor --store` looks for more damage.',
    });
  }
  return damage;
}

export function damagedLayer(layer: string, damage: string): JettisonError {
  return new JettisonError('LAYER_DAMAGED', `the files of a layer in the store are damaged: ${damage}`, {
    hint: 'Build again: the step that made the layer is carried out again. `jettison doctor --store --repair` looks for more damage.',
    details: { layer },
  });
}
