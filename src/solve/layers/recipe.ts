import { contextChanged } from '../../context/hash-file.ts';
import type { RecipeEntry } from '../../layer/entry.ts';
import { LayerIndex } from '../../layer/layer-index.ts';
import type { LayerBlob, LayerRecord } from '../../store/layers.ts';
import type { SolveContext } from '../solve-context.ts';
import { dropDamaged } from './damage.ts';
import { withRecipeFile } from './recipe-file.ts';
import { RecordedLayer } from './recorded.ts';

/** A layer with a recipe, of COPY, ADD or WORKDIR. Its directory is made only for a RUN. */
export class RecipeLayer extends RecordedLayer {
  #listing?: Promise<LayerIndex>;

  /** @param list the entries with the sources of the files; called only to make a form */
  constructor(
    context: SolveContext,
    record: LayerRecord,
    private readonly list: () => Promise<RecipeEntry[]>,
    /** The layer has just been made from this list. */
    private readonly made = false,
  ) {
    super(context, record);
  }

  override async recipe(): Promise<LayerIndex | undefined> {
    const { forms } = await this.context.worker();
    if (this.context.store.layers.hasDirectory(this.id, forms[0])) return undefined;
    this.#listing ??= this.list()
      .then((entries) => this.context.resolveSources(entries))
      .then((entries) => (this.made ? LayerIndex.of(entries) : this.#withSources(entries)));
    return this.#listing;
  }

  /**
   * The layer's entries, with the sources of the listed ones. Times are not part of a key, so the listed files may have
   * other times, but all forms of a layer must have the same.
   */
  async #withSources(listed: readonly RecipeEntry[]): Promise<LayerIndex> {
    const sources = new Map(listed.map((entry) => [entry.path, entry]));
    const entries = [...(await this.index()).entries()].map((entry) => {
      if (entry.type !== 'file') return entry;
      const { source, digest } = sources.get(entry.path) ?? {};
      if (source === undefined || digest !== entry.digest) throw contextChanged(entry.path);
      return { ...entry, source };
    });
    return LayerIndex.of(entries);
  }

  protected override async makeDirectory(): Promise<void> {
    const worker = await this.context.worker();
    await dropDamaged(this.context, this.id);
    await this.#withRecipe((recipe) => worker.materialise({ layer: this.id, recipe }));
  }

  protected override async packWith(times: { clampTime?: number; setTime?: number }): Promise<LayerBlob> {
    const packed = await this.#withRecipe((recipe) => super.packWith({ recipe, ...times }));
    return packed ?? super.packWith(times);
  }

  /** Does nothing if the directory exists. */
  async #withRecipe<T>(work: (path: string) => Promise<T>): Promise<T | undefined> {
    const recipe = await this.recipe();
    return recipe === undefined ? undefined : withRecipeFile(this.context, recipe, work);
  }
}
