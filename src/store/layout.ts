import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Digest, hex } from '../image/digest.ts';

/**
 * Where everything in a store is. Its root is an OCI image layout (`oci-layout`, `index.json`,
 * `blobs/sha256/…`), so that other programs can read it in place; Jettison's own folders stand beside it.
 * All paths are absolute.
 */
export class StoreLayout {
  constructor(readonly home: string) {}

  get ociLayout() {
    return join(this.home, 'oci-layout');
  }
  /** Derived from `images/`: for other programs to read. */
  get index() {
    return join(this.home, 'index.json');
  }
  get blobs() {
    return join(this.home, 'blobs', 'sha256');
  }
  blob(digest: Digest) {
    return join(this.blobs, hex(digest));
  }
  /** One small file a name: which manifest it stands for. */
  get images() {
    return join(this.home, 'images');
  }
  get layers() {
    return join(this.home, 'layers');
  }
  /** Holds `layer.json`, `index`, and where made so far `blob.json` and `dir/`. */
  layer(id: string) {
    return join(this.layers, id);
  }
  layerRecord(id: string) {
    return join(this.layers, id, 'layer.json');
  }
  layerIndex(id: string) {
    return join(this.layers, id, 'index');
  }
  layerBlob(id: string) {
    return join(this.layers, id, 'blob.json');
  }
  layerDirectory(id: string) {
    return join(this.layers, id, 'dir');
  }
  /** Step records, by definition digest. */
  get steps() {
    return join(this.home, 'steps');
  }
  step(definition: Digest) {
    return join(this.steps, `${hex(definition)}.json`);
  }
  /** Remembered digests of context files. */
  get contexts() {
    return join(this.home, 'contexts');
  }
  /** Hints where blobs can be fetched from: see `registry/origins.ts`. */
  get origins() {
    return join(this.home, 'origins');
  }
  get locks() {
    return join(this.home, 'locks');
  }
  /** Everything is written here and renamed into place. One folder a process: see `temporary.ts`. */
  get temporary() {
    return join(this.home, 'tmp');
  }
}

/** `$JETTISON_HOME`, else `$XDG_DATA_HOME/jettison`, else `~/.local/share/jettison`. */
export function defaultHome(env: NodeJS.ProcessEnv = process.env): string {
  if (env['JETTISON_HOME']) return resolve(env['JETTISON_HOME']);
  const data = env['XDG_DATA_HOME'] || join(env['HOME'] || homedir(), '.local', 'share');
  return join(resolve(data), 'jettison');
}
