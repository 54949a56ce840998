import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { JettisonError } from '../errors/error.ts';
import { type Digest, hex, isDigest } from '../image/digest.ts';
import type { DirectoryForm } from './forms.ts';

/**
 * The paths of a store, all absolute. Its root is an OCI image layout (`oci-layout`, `index.json`, `blobs/sha256/…`),
 * so that other programs can read it in place. Jettison's own folders are beside these.
 */
export class StoreLayout {
  readonly ociLayout: string;
  /** Derived from `images/`: for other programs to read. */
  readonly index: string;
  readonly blobs: string;
  /** One small file per name of an image: see `images.ts`. */
  readonly images: string;
  readonly layers: string;
  /** Version of the store's format: see `admission.ts`. */
  readonly format: string;
  /** Step records, by definition digest. */
  readonly steps: string;
  /** Digests of context files, by size, times and inode. */
  readonly contexts: string;
  /** Digests of the files that a COPY selects in a stage or image: see `selections.ts`. */
  readonly selections: string;
  /** Layers packed with other compressions and times: see `conversions.ts`. */
  readonly conversions: string;
  /** How images were made: see `provenance.ts`. */
  readonly provenance: string;
  /** Inspected layers: see `inspections.ts`. */
  readonly inspections: string;
  /** Databases of advisories: see `databases.ts`. */
  readonly databases: string;
  /** Repositories that are known to hold a blob: see `registry/origins.ts`. */
  readonly origins: string;
  /** Contents of URLs that ADD has downloaded: see `remote/download.ts`. */
  readonly downloads: string;
  /** Containers, running and ended: see `containers.ts`. */
  readonly containers: string;
  /** Cache mounts of RUN: see `cache-mounts.ts`. */
  readonly cacheMounts: string;
  /** Changes of failed RUNs, for `jettison debug`: see `failures.ts`. */
  readonly failures: string;
  /** Results of the rungs' probes: see `host/ladder.ts`. */
  readonly rungs: string;
  /** Builds on record: see `history/build-store.ts`. */
  readonly builds: string;
  readonly locks: string;
  /** Every file is written here, then renamed into place. One folder per process: see `temporary.ts`. */
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

  /** @throws JettisonError `DIGEST_INVALID`: untrusted JSON may contain anything in place of a digest */
  blob(digest: Digest) {
    if (!isDigest(String(digest))) {
      throw new JettisonError('DIGEST_INVALID', `invalid digest "${digest}"`, {
        hint: 'Jettison takes sha256 digests: sha256: and 64 hexadecimal digits.',
      });
    }
    return `${this.blobs}/${hex(digest)}`;
  }
  /** Contains `layer.json` and `index`, later `blob.json` and directories: see `forms.ts`. */
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
