import type { LayerIndex } from '../layer/layer-index.ts';
import { MergedTree } from '../layer/merged-tree.ts';
import type { Context } from './context.ts';
import { ignoreRules } from './ignore.ts';

/** An archive as a build context: a layer of the store. Owners are the archive's; nothing is ignored, as in Docker. */
export class LayerContext extends MergedTree implements Context {
  readonly ignore = ignoreRules([], '');

  constructor(
    layer: { id: string; index: LayerIndex },
    readonly label: string,
  ) {
    super([layer]);
  }

  /** The index of a layer has all digests. */
  async hash(): Promise<void> {}
}
