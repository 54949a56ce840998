import type { Digest } from '../image/digest.ts';
import type { Descriptor } from '../image/types.ts';

/** What made a layer. `image`: read from a pulled or loaded blob. `archive`: an archive that ADD extracts. */
export type LayerKind = 'image' | 'copy' | 'workdir' | 'run' | 'archive';

/** `layers/<id>/layer.json`: written with the layer, never changed. */
export interface LayerRecord {
  /** The first 32 hexadecimal digits of the key. */
  id: string;
  key: Digest;
  kind: LayerKind;
  /**
   * Digest of what the layer holds: of its entries in canonical order with everything but their times.
   * Two layers with the same content are the same to every step that observes them.
   */
  content: Digest;
  /** How many entries the index has, whiteouts included; 0 for a layer without any change. */
  entries: number;
  /** Bytes of all files. */
  size: number;
  /** RFC 3339. */
  created: string;
}

/** `layers/<id>/blob.json`: present once the layer has been packed (or came as a blob). */
export interface LayerBlob {
  diffId: Digest;
  blob: Descriptor;
}
