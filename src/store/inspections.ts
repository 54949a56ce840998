import { hash } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { type Digest, hex } from '../image/digest.ts';
import { LayerIndex } from '../layer/layer-index.ts';
import type { StoreLayout } from './layout.ts';
import { readRecord, recordText } from './record-file.ts';
import { writeWhole } from './temporary.ts';
import { touch } from './touch.ts';

/** What one look at a layer gave: its index, and facts about some of its files. */
export interface InspectedLayer {
  index: LayerIndex;
  /** By catalogue, then by path: JSON. */
  facts: ReadonlyMap<string, ReadonlyMap<string, unknown>>;
}

interface Record {
  version: string;
  indexDigest: string;
  facts: [string, [string, unknown][]][];
}

/**
 * Layers that have been looked at, by diff id, whatever image they are from and wherever that is: two files each,
 * `<diff id>.index` and `<diff id>.json`, of which the second is written last. Losing one costs another look. The
 * modification times say when they were last used.
 */
export class Inspections {
  constructor(private readonly layout: StoreLayout) {}

  /** @param version of the facts: those of another one count as none */
  get(diffId: Digest, version: string): InspectedLayer | undefined {
    const record = readRecord<Record>(this.#path(diffId, 'json'));
    if (record?.version !== version) return undefined;
    let bytes: Buffer;
    try {
      bytes = readFileSync(this.#path(diffId, 'index'));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
    if (hash('sha256', bytes, 'hex') !== record.indexDigest) return undefined;
    for (const kind of ['index', 'json'] as const) touch(this.#path(diffId, kind));
    return {
      index: LayerIndex.parse(bytes),
      facts: new Map(record.facts.map(([id, facts]) => [id, new Map(facts)])),
    };
  }

  put(diffId: Digest, version: string, { index, facts }: InspectedLayer): void {
    mkdirSync(this.layout.inspections, { recursive: true });
    const record: Record = {
      version,
      indexDigest: hash('sha256', index.bytes, 'hex'),
      facts: [...facts].map(([id, of]) => [id, [...of]]),
    };
    writeWhole(this.layout, this.#path(diffId, 'index'), index.bytes);
    writeWhole(this.layout, this.#path(diffId, 'json'), recordText(record));
  }

  #path(diffId: Digest, kind: 'index' | 'json'): string {
    return `${this.layout.inspections}/${hex(diffId)}.${kind}`;
  }
}
