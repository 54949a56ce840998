import { rmSync, writeFileSync } from 'node:fs';
import { contextChanged } from '../../context/hash-file.ts';
import { JettisonError } from '../../errors/error.ts';
import type { Digest } from '../../image/digest.ts';
import type { Descriptor } from '../../image/types.ts';
import type { RecipeEntry } from '../../layer/entry.ts';
import { LayerIndex } from '../../layer/layer-index.ts';
import { type LayerBlob, type LayerRecord, layerId } from '../../store/layers.ts';
import { temporaryPath } from '../../store/temporary.ts';
import type { BaseFetch } from '../base-fetches.ts';
import type { SolvedLayer } from '../graph.ts';
import type { SolveContext } from '../solve-context.ts';

/** A layer that RUN made: its directory form came first. */
export class RunLayer implements SolvedLayer {
  private packing?: Promise<LayerBlob>;
  private making?: Promise<void>;

  constructor(
    protected readonly context: SolveContext,
    protected readonly record: LayerRecord,
  ) {}

  get id(): string {
    return this.record.id;
  }
  get content(): Digest {
    return this.record.content;
  }
  get empty(): boolean {
    return this.record.entries === 0;
  }
  get created(): string {
    return this.record.created;
  }

  async index(): Promise<LayerIndex> {
    return this.context.store.layers.index(this.id);
  }

  async recipe(): Promise<LayerIndex | undefined> {
    return undefined;
  }

  directory(): Promise<void> {
    this.making ??= this.makeDirectory();
    return this.making;
  }

  /** Another kind of worker may have made it, and the directory that this one needs comes from what is there. */
  protected async makeDirectory(): Promise<void> {
    const { layers } = this.context.store;
    const { id } = this;
    const worker = await this.context.worker();
    const damage = await dropDamaged(this.context, id);
    if (layers.hasDirectory(id, worker.forms[0])) return;
    if (layers.directories(id, worker.forms).length > 0) {
      await this.withFile(ownRecipe(id, layers.index(id)), (recipe) =>
        worker.materialise({ layer: id, recipe }),
      );
      return;
    }
    const packed = await this.orLost(this.fetch());
    if (packed === undefined && damage !== undefined) {
      // Whatever knows of the layer has it made again.
      layers.discardRecord(id);
      throw damagedLayer(id, damage);
    }
    if (packed === undefined) {
      throw new JettisonError(
        'LAYER_UNREADABLE',
        `the files of a layer that an earlier build made belong to ids which this build cannot have`,
        {
          hint: 'Build with --no-cache, or as the earlier build did; `jettison doctor` says what this one can have.',
          details: { layer: id },
        },
      );
    }
    const { key, kind } = this.record;
    await this.orLost(
      worker.unpack({
        layer: { id, key, kind },
        path: this.context.store.blobs.path(packed.blob.digest),
        expect: { digest: packed.blob.digest, diffId: packed.diffId },
        whiteouts: true,
        directory: true,
      }),
    );
  }

  /** The packed form, in the store; undefined where there is none. That of another machine is fetched. */
  protected async fetch(): Promise<LayerBlob | undefined> {
    const packed = this.context.store.layers.blob(this.id);
    if (packed !== undefined) await this.context.fetchBlob(packed.blob);
    return packed;
  }

  /** Waits for something that another machine may have to give. */
  protected orLost<T>(fetching: Promise<T>): Promise<T> {
    return fetching;
  }

  protected async withFile<T>({ bytes }: LayerIndex, work: (path: string) => Promise<T>): Promise<T> {
    const path = temporaryPath(this.context.store.layout, 'recipe');
    writeFileSync(path, bytes);
    try {
      return await work(path);
    } finally {
      rmSync(path, { force: true });
    }
  }

  blob(): Promise<LayerBlob> {
    this.packing ??= this.pack();
    return this.packing;
  }

  async repack(times: { clampTime?: number; setTime?: number }): Promise<LayerBlob> {
    const { conversions } = this.context.store;
    const key = { layer: this.id, ...times };
    const known = conversions.get(key);
    if (known !== undefined) return known;
    const packed = await this.reporting(() => this.packWith(times));
    conversions.put(key, packed);
    return packed;
  }

  protected async pack(): Promise<LayerBlob> {
    return this.context.store.layers.blob(this.id) ?? this.reporting(() => this.packWith({}));
  }

  private async reporting(pack: () => Promise<LayerBlob>): Promise<LayerBlob> {
    const started = Date.now();
    const packed = await pack();
    this.context.emit({
      type: 'export.layer',
      diffId: packed.diffId,
      size: packed.blob.size,
      durationMs: Date.now() - started,
      reused: false,
    });
    return packed;
  }

  protected async packWith(form: {
    recipe?: string;
    clampTime?: number;
    setTime?: number;
  }): Promise<LayerBlob> {
    const worker = await this.context.worker();
    return worker.pack({ layer: this.id, ...form });
  }
}

/** A layer that is known by its recipe: COPY, ADD and WORKDIR. It becomes a directory only for a RUN. */
export class RecipeLayer extends RunLayer {
  private listing?: Promise<LayerIndex>;

  /** @param list says again where each file's bytes are; called only when a form has to be made */
  constructor(
    context: SolveContext,
    record: LayerRecord,
    private readonly list: () => Promise<RecipeEntry[]>,
    /** The layer was made from that list just now. */
    private readonly made = false,
  ) {
    super(context, record);
  }

  override async recipe(): Promise<LayerIndex | undefined> {
    const { forms } = await this.context.worker();
    if (this.context.store.layers.hasDirectory(this.id, forms[0])) return undefined;
    this.listing ??= this.list()
      .then((entries) => this.context.resolveSources(entries))
      .then((entries) => (this.made ? LayerIndex.of(entries) : this.withSources(entries)));
    return this.listing;
  }

  /**
   * The layer's own entries with the sources of equal ones: times are not part of a key, so the files may have other
   * times now, and all forms of a layer must have the same.
   */
  private async withSources(listed: readonly RecipeEntry[]): Promise<LayerIndex> {
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
    await this.withRecipe((recipe) => worker.materialise({ layer: this.id, recipe }));
  }

  protected override async packWith(times: { clampTime?: number; setTime?: number }): Promise<LayerBlob> {
    const packed = await this.withRecipe((recipe) => super.packWith({ recipe, ...times }));
    return packed ?? super.packWith(times);
  }

  /** Does nothing when the directory is there. */
  private async withRecipe<T>(work: (path: string) => Promise<T>): Promise<T | undefined> {
    const recipe = await this.recipe();
    return recipe === undefined ? undefined : this.withFile(recipe, work);
  }
}

/** A layer of a base image: a blob, fetched and unpacked only when something must look into it. */
export class ImageLayer implements SolvedLayer {
  readonly id: string;
  private unpacked?: Promise<void>;
  private looked?: Promise<LayerIndex>;
  readonly empty = false;

  constructor(
    private readonly context: SolveContext,
    private readonly packed: LayerBlob,
    private readonly fetch: BaseFetch,
  ) {
    this.id = layerId(packed.diffId);
  }

  get content(): Digest {
    return this.packed.diffId;
  }

  index(): Promise<LayerIndex> {
    this.looked ??= this.look();
    return this.looked;
  }

  directory(): Promise<void> {
    this.unpacked ??= this.unpack(true);
    return this.unpacked;
  }

  async fetched(form: 'index' | 'directory'): Promise<void> {
    await (form === 'index' ? this.index() : this.directory());
  }

  async recipe(): Promise<LayerIndex | undefined> {
    return undefined;
  }

  async blob(): Promise<LayerBlob> {
    return this.packed;
  }

  private async look(): Promise<LayerIndex> {
    const { layers } = this.context.store;
    if (layers.record(this.id) === undefined) {
      // The directory is made in the same pass: who looks into a base mostly runs something on it next.
      await this.directory();
    }
    return layers.index(this.id);
  }

  private async unpack(directory: boolean): Promise<void> {
    const { store } = this.context;
    const worker = await this.context.worker();
    await dropDamaged(this.context, this.id);
    if (store.layers.hasDirectory(this.id, worker.forms[0])) return;
    await this.fetch.during(async (report) => {
      const { digest: item, size } = this.packed.blob;
      await this.context.fetchBlob(this.packed.blob);
      report({ item, size, state: 'unpacking', moved: size });
      await this.unpackVerified(directory);
      report({ item, size, state: 'done', moved: size });
    });
  }

  /** A blob that was damaged in the store is fetched again, once. */
  private async unpackVerified(directory: boolean): Promise<void> {
    const { store } = this.context;
    const { blob } = this.packed;
    try {
      await this.unpackBlob(directory);
    } catch (error) {
      if (!(error instanceof JettisonError) || !(await store.blobs.discardDamaged(blob.digest))) throw error;
      await this.fetchAgain(blob);
      await this.unpackBlob(directory);
    }
  }

  private async fetchAgain(blob: Descriptor): Promise<void> {
    try {
      await this.context.fetchBlob(blob);
    } catch (error) {
      if (!(error instanceof JettisonError)) throw error;
      throw new JettisonError(
        'BLOB_DAMAGED',
        `the store had a damaged layer of the base image (${blob.digest}), and it cannot be fetched again: ${error.message}`,
        { hint: 'Pull, load or build the base image again.', cause: error },
      );
    }
  }

  private async unpackBlob(directory: boolean): Promise<void> {
    const { store } = this.context;
    const { diffId, blob } = this.packed;
    const worker = await this.context.worker();
    await worker.unpack({
      layer: { id: this.id, key: diffId, kind: 'image' },
      path: store.blobs.path(blob.digest),
      expect: { digest: blob.digest, diffId },
      whiteouts: true,
      directory,
    });
  }
}

/** Takes away the directory of a layer that has been damaged. @returns what is wrong with it */
async function dropDamaged(
  { worker, store, emit, told }: SolveContext,
  id: string,
): Promise<string | undefined> {
  const started = await worker();
  if (!store.layers.hasDirectory(id, started.forms[0])) return undefined;
  const damage = await started.sampleDirectory({ layer: id });
  if (damage !== undefined && !told.has(id)) {
    told.add(id);
    emit({
      type: 'warning',
      code: 'StoreDamaged',
      message: `The files of a layer in the store have been damaged (${damage}), and are made again`,
      hint: '`jettison doctor --store` looks for more damage.',
    });
  }
  return damage;
}

function damagedLayer(layer: string, damage: string): JettisonError {
  return new JettisonError('LAYER_DAMAGED', `the files of a layer in the store are damaged: ${damage}`, {
    hint: 'Build again: the step that made the layer is carried out again. `jettison doctor --store --repair` looks for more damage.',
    details: { layer },
  });
}

/** What says of a layer's files that their bytes are in the layer itself. */
function ownRecipe(layer: string, index: LayerIndex): LayerIndex {
  const entries = [...index.entries()].map(
    (entry): RecipeEntry =>
      entry.type === 'file' ? { ...entry, source: { kind: 'layer', layer, path: entry.path } } : entry,
  );
  return LayerIndex.of(entries);
}
