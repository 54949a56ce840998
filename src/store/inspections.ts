import { createHash, hash } from 'node:crypto';
import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { type Digest, hex } from '../image/digest.ts';
import type { RecipeEntry } from '../layer/entry.ts';
import { LayerIndex, parseLines } from '../layer/layer-index.ts';
import type { StoreLayout } from './layout.ts';
import { readRecord, recordText } from './record-file.ts';
import { temporaryPath, writeWhole } from './temporary.ts';
import { touch } from './touch.ts';

/** The entries of a layer's index, in order. */
export interface EntryList {
  entries(): Iterable<RecipeEntry>;
  /** Targets of its hard links: files with several names. */
  readonly linked: ReadonlySet<string>;
}

/** Larger indexes (bytes) are read from the disk in pieces, to save memory. */
const LARGE = 8 << 20;
const PIECE = 1 << 18;
const NEWLINE = 10;
const HARD_LINK = '"type":"hardlink"';

/** The result of inspecting a layer: its index, and facts about some of its files. */
export interface InspectedLayer {
  index: EntryList;
  /** JSON values, by catalogue, then by path. */
  facts: ReadonlyMap<string, ReadonlyMap<string, unknown>>;
}

interface Record {
  version: string;
  indexDigest: string;
  facts: [string, [string, unknown][]][];
}

/** Other looks: at a layer, for secrets; at an image, by its id, for what a build warns of. */
type Look = 'secrets' | 'warnings';

/**
 * Inspected layers by diff id, from any source: two files each, `<diff id>.index` and `<diff id>.json`, of which the
 * second is written last; and `<diff id>.secrets.json`, if the layer was searched for secrets. If one is lost, the layer
 * is inspected again. `<image id>.warnings.json` has what a build of the image warns of. Their times are those of the last use.
 */
export class Inspections {
  readonly #layout: StoreLayout;

  constructor(layout: StoreLayout) {
    this.#layout = layout;
  }

  /** @param version of the facts; those of another version count as missing */
  get(diffId: Digest, version: string): InspectedLayer | undefined {
    const record = readRecord<Record>(this.#path(diffId, 'json'));
    if (record?.version !== version) return undefined;
    let index: EntryList | undefined;
    try {
      index = readIndex(this.#path(diffId, 'index'), record.indexDigest);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
    if (index === undefined) return undefined;
    for (const kind of ['index', 'json'] as const) touch(this.#path(diffId, kind));
    return {
      index,
      facts: new Map(record.facts.map(([id, facts]) => [id, new Map(facts)])),
    };
  }

  /** @param kept.pieces the bytes of the layer's index */
  put(
    diffId: Digest,
    version: string,
    kept: { pieces: Iterable<Buffer>; facts: InspectedLayer['facts'] },
  ): void {
    mkdirSync(this.#layout.inspections, { recursive: true });
    const digest = createHash('sha256');
    const temporary = temporaryPath(this.#layout, 'index');
    const fd = openSync(temporary, 'wx');
    try {
      for (const piece of kept.pieces) {
        digest.update(piece);
        writeFileSync(fd, piece);
      }
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, this.#path(diffId, 'index'));
    const record: Record = {
      version,
      indexDigest: digest.digest('hex'),
      facts: [...kept.facts].map(([id, of]) => [id, [...of]]),
    };
    writeWhole(this.#layout, this.#path(diffId, 'json'), recordText(record));
  }

  /** What another look at a layer's files has found; undefined where there was none, or its record is damaged. */
  finding(diffId: Digest, look: Look): unknown {
    const path = this.#path(diffId, `${look}.json`);
    const record = readRecord<object>(path);
    if (record !== undefined) touch(path);
    return record;
  }

  putFinding(diffId: Digest, look: Look, record: object): void {
    mkdirSync(this.#layout.inspections, { recursive: true });
    writeWhole(this.#layout, this.#path(diffId, `${look}.json`), recordText(record));
  }

  #path(diffId: Digest, kind: 'index' | 'json' | `${Look}.json`): string {
    return `${this.#layout.inspections}/${hex(diffId)}.${kind}`;
  }
}

/** @returns undefined for a damaged index */
function readIndex(path: string, digest: string): EntryList | undefined {
  if (statSync(path).size <= LARGE) {
    const bytes = readFileSync(path);
    return hash('sha256', bytes, 'hex') === digest ? LayerIndex.parse(bytes) : undefined;
  }
  const actual = createHash('sha256');
  let hasLinks = false;
  for (const lines of linesOf(path)) {
    actual.update(lines);
    hasLinks ||= lines.includes(HARD_LINK);
  }
  if (actual.digest('hex') !== digest) return undefined;
  const file = {
    *entries() {
      for (const lines of linesOf(path)) yield* parseLines(lines);
    },
    get linked() {
      const linked = new Set<string>();
      if (!hasLinks) return linked;
      for (const { type, link } of file.entries()) if (type === 'hardlink') linked.add(link!);
      return linked;
    },
  };
  return file;
}

/** A file in pieces of whole lines. Each piece is valid until the next one is requested. */
function* linesOf(path: string): Generator<Buffer> {
  const fd = openSync(path, 'r');
  try {
    let buffer = Buffer.alloc(PIECE);
    let kept = 0;
    for (;;) {
      const count = readSync(fd, buffer, kept, buffer.length - kept, null);
      const filled = kept + count;
      const end = count === 0 ? filled : buffer.lastIndexOf(NEWLINE, filled - 1) + 1;
      if (end > 0) yield buffer.subarray(0, end);
      if (count === 0) return;
      kept = buffer.copy(buffer, 0, end, filled);
      if (kept === buffer.length) buffer = Buffer.concat([buffer], buffer.length * 2);
    }
  } finally {
    closeSync(fd);
  }
}
