import type { Digest } from '../image/digest.ts';
import type { LayerCompanion } from '../inspect/inspect.ts';
import { ContentSearch, type FileSecret } from '../secrets/content-search.ts';
import { kindTitle } from '../secrets/kind-titles.ts';
import { DETECTOR_VERSION } from '../secrets/secret-kinds.ts';
import type { Store } from '../store/store.ts';

/** A secret in a file of a layer. */
export interface LayerSecret extends FileSecret {
  /** Relative to the root. */
  path: string;
}

/** What is kept of a look at a layer, as `<diff id>.secrets.json`. No value is in it. */
export interface LayerSecrets {
  /** Of the detector. */
  version: string;
  /** What was looked at. */
  files: number;
  bytes: number;
  secrets: LayerSecret[];
  /** Look like tokens, and have a wrong checksum. */
  forged: LayerSecret[];
  /** Found, and not listed: files have hundreds. */
  more: number;
  /** Files of which a part was not looked at: they consist of beginnings of secrets. */
  partial: string[];
}

/** Listed of one layer. */
const MOST = 5000;

/** Looks for secrets in the files of layers while they are inspected, and keeps what it finds. */
export class SecretsCompanion implements LayerCompanion {
  readonly #layers = new Map<Digest, LayerSecrets>();

  /** What is known of a layer that has been inspected. */
  of(diffId: Digest): LayerSecrets {
    return this.#layers.get(diffId)!;
  }

  /** Whether a layer has been searched by this version of the detector. */
  has(store: Store, diffId: Digest): boolean {
    if (this.#layers.has(diffId)) return true;
    const record = store.inspections.finding(diffId, 'secrets');
    if (!isLayerSecrets(record) || record.version !== DETECTOR_VERSION) return false;
    this.#layers.set(diffId, record);
    return true;
  }

  observe(store: Store, diffId: Digest): ReturnType<LayerCompanion['observe']> {
    const search = new ContentSearch();
    const found: LayerSecrets = {
      ...{ version: DETECTOR_VERSION, files: 0, bytes: 0 },
      ...{ secrets: [], forged: [], more: 0, partial: [] },
    };
    let path = '';
    return {
      begin(of, size) {
        path = of;
        found.files++;
        found.bytes += size;
        search.begin(of, size);
      },
      write: (chunk) => search.write(chunk),
      end() {
        const { secrets, forged, more, isPartial } = search.end();
        found.more += more + add(found.secrets, secrets, path);
        add(found.forged, forged, path);
        if (isPartial && found.partial.length < MOST) found.partial.push(path);
      },
      keep: () => {
        this.#layers.set(diffId, found);
        store.inspections.putFinding(diffId, 'secrets', found);
      },
    };
  }
}

/** @returns how many have found no place */
function add(list: LayerSecret[], secrets: readonly FileSecret[], path: string): number {
  const taken = secrets.slice(0, Math.max(0, MOST - list.length));
  list.push(...taken.map((secret) => ({ path, ...secret })));
  return secrets.length - taken.length;
}

/** Whether a record has the shape of its type: other programs may have written it. */
function isLayerSecrets(record: unknown): record is LayerSecrets {
  const { version, files, bytes, secrets, forged, more, partial } = (record ?? {}) as Partial<LayerSecrets>;
  return (
    typeof version === 'string' &&
    [files, bytes, more].every(isCount) &&
    [secrets, forged].every((list) => Array.isArray(list) && list.every(isLayerSecret)) &&
    Array.isArray(partial) &&
    partial.every((path) => typeof path === 'string')
  );
}

function isLayerSecret(value: unknown): value is LayerSecret {
  const { path, kind, masked, length, offset, line = 1 } = (value ?? {}) as Partial<LayerSecret>;
  return (
    typeof path === 'string' &&
    typeof kind === 'string' &&
    kindTitle(kind) !== undefined &&
    typeof masked === 'string' &&
    [length, offset, line].every(isCount)
  );
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
