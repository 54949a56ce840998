import { createHash } from 'node:crypto';
import { join, relative } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { holdsStatements } from '../image/attestation.ts';
import { type Digest, isDigest } from '../image/digest.ts';
import type { Descriptor, ImageConfig, Index, Manifest } from '../image/types.ts';
import { decompress } from '../layer/decompress.ts';
import { digestOfFile } from './blobs.ts';
import type { DirectoryForm } from './forms.ts';
import { type LayerBlob, type LayerRecord, layerId } from './layers.ts';
import { isIndex } from './lookup.ts';
import { lookAtRecord } from './record-file.ts';
import type { StepRecord } from './records.ts';
import type { Store } from './store.ts';
import { deadTemporaries, readNames } from './temporary.ts';

export interface VerifyReport {
  images: number;
  layers: number;
  blobs: number;
  records: number;
  /** Faults, one sentence each. Empty for a valid store. */
  problems: string[];
  /** Repairs that were made, one sentence each. */
  repairs: string[];
  /** Names (or digests) of images with damaged parts: pull, load or build them again. */
  incomplete: string[];
  /** Number of files of layers that this user may not read. */
  unreadable: number;
  /** Number of layers of earlier versions, which no build uses any more. */
  outdated: number;
  /** Number of temporary folders of dead processes, which the next build deletes. */
  leftovers: number;
  /** `index.json` is older than the names: it is rewritten when an image next gets a name. */
  indexBehind: boolean;
}

export interface VerifyOptions {
  /** Compares the directories of a layer with its index: the worker's operation. Absent: they are not checked. */
  checkDirectories?(layer: string): Promise<{ form: DirectoryForm; problem?: string; unreadable: number }[]>;
  /** Decompresses every packed layer, too, and compares its tar with the diff id. */
  deep?: boolean;
  /** Deletes trees whose files may belong to other ids. Present: faults are repaired, and the caller has the exclusive lease. */
  remove?: ((paths: string[]) => Promise<void>) | undefined;
}

/**
 * Checks a whole store: every blob's digest, every image's parts, every record's checksum, every layer's index and all
 * content of its directories. It reads all of these.
 *
 * A repair deletes damaged parts, which builds then make again from intact ones: a directory from the layer's blob, a
 * layer from its instruction, a name from `index.json`.
 */
export async function verifyStore(store: Store, options: VerifyOptions = {}): Promise<VerifyReport> {
  const verifier = new Verifier(store, options);
  await verifier.run();
  return verifier.report;
}

class Verifier {
  readonly #store: Store;
  readonly #options: VerifyOptions;
  readonly report: VerifyReport = {
    ...{ images: 0, layers: 0, blobs: 0, records: 0, unreadable: 0, outdated: 0, leftovers: 0 },
    ...{ problems: [], repairs: [], incomplete: [], indexBehind: false },
  };
  readonly #dropped = new Set<Digest>();
  /** Diff ids by the digests of packed layers, with the image or layer that states them. */
  readonly #packed = new Map<Digest, { diffId: Digest; subject: string }>();

  constructor(store: Store, options: VerifyOptions) {
    this.#store = store;
    this.#options = options;
  }

  async run(): Promise<void> {
    const store = this.#store;
    const { report } = this;
    await this.#blobs();
    await this.#names();
    for (const image of store.images.list()) {
      report.images++;
      const label = image.name ?? image.manifest.digest;
      this.#attempt(`image ${label}`, () => this.#image(label, image.manifest));
    }
    for (const id of store.layers.ids()) {
      report.layers++;
      await this.#layer(id);
    }
    await this.#records();
    await this.#containers();
    if (this.#options.deep) await this.#tars();
    report.leftovers = deadTemporaries(store.layout).length;
  }

  /** @param repair the paths to delete, and the sentence that reports it */
  async #problem(text: string, repair?: { paths: string[]; done: string }): Promise<void> {
    this.report.problems.push(text);
    if (repair === undefined || this.#options.remove === undefined) return;
    await this.#options.remove(repair.paths);
    this.report.repairs.push(repair.done);
  }

  #attempt(subject: string, check: () => void): void {
    try {
      check();
    } catch (error) {
      this.report.problems.push(`${subject} ${(error as Error).message}`);
    }
  }

  async #blobs(): Promise<void> {
    const { layout } = this.#store;
    for (const name of readNames(layout.blobs)) {
      this.report.blobs++;
      const path = join(layout.blobs, name);
      const actual = await digestOfFile(path).catch((error: NodeJS.ErrnoException) => error.code ?? 'error');
      if (actual === name) continue;
      const said = actual.length === 64 ? `has the digest ${actual}` : `cannot be read (${actual})`;
      await this.#problem(`blob ${name} ${said}`, {
        paths: [path],
        done: `deleted the damaged blob ${name}`,
      });
      this.#dropped.add(`sha256:${name}`);
    }
  }

  async #names(): Promise<void> {
    const { images } = this.#store;
    const unsound = images.unsound();
    const lost = new Set(images.damaged());
    for (const file of unsound) {
      const name = nameOf(file);
      this.report.problems.push(
        lost.has(file)
          ? `the image name ${name} has been lost: its file is damaged`
          : `the file of the image name ${name} is damaged`,
      );
    }
    let isIndexSound = images.isIndexSound;
    // Another process may have written a name, and not yet `index.json`.
    if (!isIndexSound) {
      await setTimeout(100);
      isIndexSound = images.isIndexSound;
    }
    if (!isIndexSound && images.isIndexBehind) this.report.indexBehind = true;
    else if (!isIndexSound) this.report.problems.push('index.json does not list the images that have names');
    if (this.#options.remove === undefined || (isIndexSound && unsound.length === 0)) return;
    for (const { file, mended } of images.repair()) {
      this.report.repairs.push(
        mended ? `wrote the image name ${nameOf(file)} again` : `forgot the image name ${nameOf(file)}`,
      );
    }
    if (!isIndexSound) this.report.repairs.push('wrote index.json again');
  }

  #image(label: string, { mediaType, digest }: Descriptor): void {
    const { blobs } = this.#store;
    if (this.#lacks(label, digest)) return;
    if (isIndex({ mediaType })) {
      for (const child of blobs.readJson<Index>(digest).manifests) {
        // An index may list platforms that were never pulled.
        if (blobs.has(child.digest) || this.#dropped.has(child.digest)) this.#image(label, child);
      }
      return;
    }
    const manifest = blobs.readJson<Manifest>(digest);
    if (this.#lacks(label, manifest.config.digest)) return;
    if (holdsStatements(manifest)) {
      for (const { digest: statement } of manifest.layers) this.#lacks(label, statement);
      return;
    }
    const config = blobs.readJson<ImageConfig>(manifest.config.digest);
    if (config.rootfs.diff_ids.length !== manifest.layers.length) {
      throw new Error('has a config and a manifest with different numbers of layers');
    }
    for (const [at, layer] of manifest.layers.entries()) {
      const size = blobs.size(layer.digest);
      // Layers of a base image are downloaded when they are needed.
      if (size !== undefined && size !== layer.size && !this.#dropped.has(layer.digest))
        throw new Error(`has a layer ${layer.digest} of a wrong size`);
      if (this.#lacks(label, layer.digest)) continue;
      const diffId = config.rootfs.diff_ids[at]!;
      this.#packed.set(layer.digest, { diffId, subject: `image ${label}` });
    }
  }

  /** Whether a part of an image has been found damaged. */
  #lacks(label: string, digest: Digest): boolean {
    if (!this.#dropped.has(digest)) return false;
    this.report.problems.push(`image ${label} has a damaged part: ${digest}`);
    if (!this.report.incomplete.includes(label)) this.report.incomplete.push(label);
    return true;
  }

  async #layer(id: string): Promise<void> {
    const store = this.#store;
    const options = this.#options;
    const { report } = this;
    const { layout } = store;
    const record = lookAtRecord<Partial<LayerRecord>>(layout.layerRecord(id), { unsealed: true });
    if (record !== 'damaged' && record !== 'missing' && record.indexDigest === undefined) {
      report.outdated++;
      return;
    }
    const known = store.layers.record(id);
    const problem =
      known === undefined
        ? 'has no complete record and index'
        : known.id !== id || !isDigest(known.key) || layerId(known.key) !== id
          ? 'has the record of another layer'
          : store.layers.indexProblem(id);
    if (known === undefined || problem !== undefined) {
      const done = `dropped the layer ${id}: it is made again when it is needed`;
      await this.#problem(`layer ${id} ${problem}`, { paths: [layout.layer(id)], done });
      return;
    }
    const packed = lookAtRecord<LayerBlob>(layout.layerBlob(id), { unsealed: true });
    if (packed === 'damaged') {
      const done = `forgot how the layer ${id} has been packed`;
      await this.#problem(`layer ${id} has a damaged blob.json`, { paths: [layout.layerBlob(id)], done });
    } else if (packed !== 'missing' && store.blobs.has(packed.blob.digest, packed.blob.size)) {
      this.#packed.set(packed.blob.digest, { diffId: packed.diffId, subject: `layer ${id}` });
    }
    const forms = store.layers.directories(id);
    const reports = forms.length === 0 ? [] : ((await options.checkDirectories?.(id)) ?? []);
    for (const { form, problem, unreadable } of reports) {
      report.unreadable += unreadable;
      if (problem === undefined) continue;
      const directory = layout.layerDirectory(id, form);
      // A RUN's layer without another form can only be made by running its command again.
      const isSource = known.kind !== 'run' || forms.length > 1 || store.layers.blob(id) !== undefined;
      await this.#problem(
        `layer ${id} has a damaged directory: ${problem}`,
        isSource
          ? {
              paths: [directory],
              done: `dropped a directory of the layer ${id}: it is made again when it is needed`,
            }
          : { paths: [layout.layer(id)], done: `dropped the layer ${id}: a build runs its command again` },
      );
    }
  }

  /** Checks the records, by their checksums. */
  async #records(): Promise<void> {
    const { layout } = this.#store;
    const folders = [
      layout.contexts,
      layout.selections,
      layout.inspections,
      layout.provenance,
      layout.conversions,
      layout.origins,
      layout.downloads,
      layout.databases,
    ];
    for (const folder of folders) {
      for (const name of readNames(folder)) {
        if (name.endsWith('.json')) await this.#record(join(folder, name));
        else if (folder === layout.databases) await this.#database(join(folder, name), name);
        else if (folder === layout.downloads) await this.#download(join(folder, name), name);
      }
    }
    for (const name of readNames(layout.steps)) {
      this.report.records++;
      const path = join(layout.steps, name);
      const record = lookAtRecord<StepRecord>(path, { unsealed: true });
      if (record === 'missing') continue;
      if (record !== 'damaged' && `sha256:${name}` === `${record.definition}.json`) continue;
      const done = `deleted the step record ${name}: the step is executed again`;
      const what = record === 'damaged' ? 'is damaged' : 'is not the record of its definition';
      await this.#problem(`step record ${name} ${what}`, { paths: [path], done });
    }
    await this.#record(layout.rungs);
    for (const name of readNames(layout.cacheMounts)) {
      const folder = join(layout.cacheMounts, name);
      await this.#record(join(folder, 'cache.json'), folder);
      await this.#record(join(folder, 'archive.json'));
    }
    for (const name of readNames(layout.failures)) {
      const folder = join(layout.failures, name);
      await this.#record(join(folder, 'failure.json'), folder);
    }
  }

  /** @param drop path to delete when the record is damaged; default: the record */
  async #record(path: string, drop: string = path): Promise<void> {
    if (lookAtRecord(path, { unsealed: true }) !== 'damaged') return;
    const name = relative(this.#store.layout.home, path);
    const done = `deleted ${relative(this.#store.layout.home, drop)}`;
    await this.#problem(`the record ${name} is damaged`, { paths: [drop], done });
  }

  async #database(path: string, name: string): Promise<void> {
    if (`${await digestOfFile(path)}.db` === name) return;
    const done = `deleted the advisories ${name}: fetch them again with \`jettison db pull\``;
    await this.#problem(`the advisories ${name} are damaged`, { paths: [path], done });
  }

  async #download(path: string, name: string): Promise<void> {
    const [digest] = name.split('-');
    if (digest?.length !== 64 || (await digestOfFile(path)) === digest) return;
    const done = `deleted the download ${name}: it is fetched again`;
    await this.#problem(`the download ${name} has another digest`, { paths: [path], done });
  }

  async #containers(): Promise<void> {
    const { containers, layout } = this.#store;
    for (const id of readNames(layout.containers)) {
      const folder = containers.folder(id);
      const files = ['config.json', 'state.json'].map((name) =>
        lookAtRecord(join(folder, name), { unsealed: true }),
      );
      if (!files.includes('damaged')) continue;
      const done = `forgot the container ${id}`;
      await this.#problem(`the container ${id} has a damaged record`, { paths: [folder], done });
    }
  }

  /** Compares the tars of packed layers with their diff ids. */
  async #tars(): Promise<void> {
    const { blobs } = this.#store;
    for (const [digest, { diffId, subject }] of this.#packed) {
      if (!blobs.has(digest) || this.#dropped.has(digest)) continue;
      const sum = createHash('sha256');
      try {
        for await (const chunk of decompress(blobs.stream(digest), { trusted: true })) sum.update(chunk);
      } catch (error) {
        this.report.problems.push(
          `${subject} has a layer ${digest} that cannot be unpacked: ${(error as Error).message}`,
        );
        continue;
      }
      const actual = `sha256:${sum.digest('hex')}`;
      if (actual !== diffId)
        this.report.problems.push(`${subject} has a layer ${digest} with the diff id ${actual}`);
    }
  }
}

/** The name of an image, or the digest of one without a name, by its file. */
function nameOf(file: string): string {
  const name = file.replace(/(\.nameless)?\.json$/, '');
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
