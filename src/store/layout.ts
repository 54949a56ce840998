import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { JettisonError } from '../errors/error.ts';
import { type Digest, hex, isDigest } from '../image/digest.ts';
import type { DirectoryForm } from './forms.ts';

/**
 * Where everything in a store is. Its root is an OCI image layout (`oci-layout`, `index.json`,
 * `blobs/sha256/…`), so that other programs can read it in place; Jettison's own folders stand beside it.
 * All paths are absolute.
 */
export class StoreLayout {
  readonly ociLayout: string;
  /** Derived from `images/`: for other programs to read. */
  readonly index: string;
  readonly blobs: string;
  /** One small file a name: which manifest it stands for. */
  readonly images: string;
  readonly layers: string;
  /** Which format the store has: see `admission.ts`. */
  readonly format: string;
  /** Step records, by definition digest. */
  readonly steps: string;
  /** Remembered digests of context files. */
  readonly contexts: string;
  /** Digests of what was copied from a stage or image: see `selections.ts`. */
  readonly selections: string;
  /** Other forms in which layers have been packed: see `conversions.ts`. */
  readonly conversions: string;
  /** How images were made: see `provenance.ts`. */
  readonly provenance: string;
  /** Layers that have been looked at: see `inspections.ts`. */
  readonly inspections: string;
  /** Advisories: see `databases.ts`. */
  readonly databases: string;
  /** Hints where blobs can be fetched from: see `registry/origins.ts`. */
  readonly origins: string;
  /** What ADD fetched: see `remote/download.ts`. */
  readonly downloads: string;
  /** Containers that run or have run: see `containers.ts`. */
  readonly containers: string;
  /** Directories that RUN keeps between builds: see `cache-mounts.ts`. */
  readonly cacheMounts: string;
  /** What failed RUNs left, for `jettison debug`: see `failures.ts`. */
  readonly failures: string;
  /** Which ways of running commands work here: see `worker/ladder.ts`. */
  readonly rungs: string;
  /** Builds on record: see `history/build-store.ts`. */
  readonly builds: string;
  readonly locks: string;
  /** Everything is written here and renamed into place. One folder a process: see `temporary.ts`. */
  readonly temporary: string;

  constructor(readonly home: string) {
    this.format = join(home, 'store.json');
    this.ociLayout = join(home, 'oci-layout');
    this.index = join(home, 'index.json');
    this.blobs = join(home, 'blobs', 'sha256');
    this.images = join(home, 'images');
    this.layers = join(home, 'layers');
    this.steps = join(home, 'steps');
    this.contexts = join(home, 'contexts');
    this.selections = join(home, 'selections');
    this.conversions = join(home, 'conversions');
    this.provenance = join(home, 'provenance');
    this.inspections = join(home, 'inspections');
    this.databases = join(home, 'databases');
    this.origins = join(home, 'origins');
    this.downloads = join(home, 'downloads');
    this.containers = join(home, 'containers');
    this.cacheMounts = join(home, 'cache-mounts');
    this.failures = join(home, 'failures');
    this.builds = join(home, 'builds');
    this.rungs = join(home, 'rungs.json');
    this.locks = join(home, 'locks');
    this.temporary = join(home, 'tmp');
  }

  /** @throws JettisonError `DIGEST_INVALID`: what others wrote may hold anything in a digest's place */
  blob(digest: Digest) {
    if (!isDigest(String(digest))) {
      throw new JettisonError('DIGEST_INVALID', `invalid digest "${digest}"`, {
        hint: 'Jettison takes sha256 digests: sha256: and 64 hexadecimal digits.',
      });
    }
    return `${this.blobs}/${hex(digest)}`;
  }
  /** Holds `layer.json`, `index`, and where made so far `blob.json` and directories: see `forms.ts`. */
  layer(id: string) {
    return `${this.layers}/${id}`;
  }
  layerRecord(id: string) {
    return `${this.layers}/${id}/layer.json`;
  }
  layerIndex(id: string) {
    return `${this.layers}/${id}/index`;
  }
  layerBlob(id: string) {
    return `${this.layers}/${id}/blob.json`;
  }
  layerDirectory(id: string, form: DirectoryForm) {
    return `${this.layers}/${id}/${form}`;
  }
  step(definition: Digest) {
    return `${this.steps}/${hex(definition)}.json`;
  }
}

/** `$JETTISON_HOME`, else `$XDG_DATA_HOME/jettison`, else `~/.local/share/jettison`. */
export function defaultHome(env: NodeJS.ProcessEnv = process.env): string {
  if (env['JETTISON_HOME']) return resolve(env['JETTISON_HOME']);
  const data = env['XDG_DATA_HOME'] || join(env['HOME'] || homedir(), '.local', 'share');
  return join(resolve(data), 'jettison');
}
