import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable, Writable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import type { Command } from '../../src/cli/command.ts';
import { JettisonError } from '../../src/errors/error.ts';
import { writeImage } from '../../src/export/write-image.ts';
import { digestOf, sha256 } from '../../src/image/digest.ts';
import { canonicalName } from '../../src/image/reference.ts';
import { type Descriptor, type ImageConfig, MEDIA } from '../../src/image/types.ts';
import type { Entry } from '../../src/layer/entry.ts';
import { LayerIndex } from '../../src/layer/layer-index.ts';
import { TAR_END, tarHeader, tarPadding } from '../../src/layer/tar-write.ts';
import { installLayer, type LayerBlob, layerId, layerRecord } from '../../src/store/layers.ts';
import { removeTree } from '../../src/store/remove-tree.ts';
import { openStore, type Store } from '../../src/store/store.ts';

export interface TestStore {
  home: string;
  store: Store;
  remove(): void;
}

/** A store in a folder of its own, which `remove` deletes. */
export function makeStore(): TestStore {
  const home = mkdtempSync(join(tmpdir(), 'jettison-test-'));
  return { home, store: openStore({ home }), remove: () => removeTree(home) };
}

const FILE: Entry = { path: '', type: 'file', mode: 0o644, uid: 0, gid: 0, size: 0, mtime: 0 };

/** The bytes of a tar of some files, or of any entries. */
export function makeTar(members: [member: string | Partial<Entry>, content?: string | Buffer][]): Buffer {
  const parts: Buffer[] = [];
  for (const [member, text = ''] of members) {
    const content = Buffer.from(text);
    const entry = typeof member === 'string' ? { path: member } : member;
    parts.push(
      tarHeader({ ...FILE, ...entry, size: content.length }),
      content,
      Buffer.alloc(tarPadding(content.length)),
    );
  }
  return Buffer.concat([...parts, TAR_END]);
}

/** A packed layer of some files; with `indexed` the store knows what is in it, as after a build. */
export function makeLayer(store: Store, files: Record<string, string>, indexed = false): LayerBlob {
  const tar = makeTar(Object.entries(files));
  const blob = { mediaType: MEDIA.ociLayerGzip, ...store.blobs.write(gzipSync(tar)) };
  const layer: LayerBlob = { diffId: sha256(tar), blob };
  if (indexed) {
    const entries = Object.entries(files).map(([path, text]) => ({
      ...FILE,
      path,
      size: Buffer.byteLength(text),
    }));
    const index = LayerIndex.of(entries);
    const key = digestOf(layer.diffId);
    const record = layerRecord({ id: layerId(key), key, kind: 'copy' }, index);
    installLayer(store.layout, { record, index: index.bytes, blob: layer });
  }
  return layer;
}

export interface ImageOptions {
  /** Without a name the image is nameless. */
  name?: string;
  layers?: LayerBlob[];
  config?: Partial<ImageConfig>;
}

/** Puts an image into a store. */
export async function makeImage(
  store: Store,
  { name, layers = [], config = {} }: ImageOptions = {},
): Promise<{ manifest: Descriptor; config: Descriptor }> {
  const history = layers.map((_, index) => ({ created: CREATED, created_by: `COPY ${index} / # buildkit` }));
  const written = await writeImage(store, {
    config: { architecture: 'amd64', os: 'linux', created: CREATED, history, config: {}, ...config },
    layers,
  });
  if (name === undefined) store.images.putNameless(written.manifest);
  else store.images.put(canonicalName(name), written.manifest);
  return written;
}

export const CREATED = '2024-05-06T07:08:09Z';

export interface CommandOptions {
  home: string;
  stdin?: Uint8Array;
  /** Answers typed at a terminal. */
  typed?: string;
  /** Width of a terminal; without it standard output is a pipe. */
  columns?: number;
  cwd?: string;
  signal?: AbortSignal;
}

/** Runs a command as `main.ts` would; an error that is no bug becomes `error`. */
export async function runCommand(command: Command, args: string[], options: CommandOptions) {
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  const collect = (into: Buffer[]) =>
    new Writable({
      write: (chunk: Buffer | string, _encoding, done) => {
        into.push(Buffer.from(chunk));
        done();
      },
    });
  const stdout = Object.assign(
    collect(out),
    options.columns === undefined ? {} : { isTTY: true, columns: options.columns },
  );
  const stdin = options.typed === undefined ? Readable.from(pieces(options.stdin)) : new PassThrough();
  if (options.typed !== undefined) Object.assign(stdin, { isTTY: true }).push(`${options.typed}\n`);
  let code = 0;
  let error: JettisonError | undefined;
  try {
    code = await command.run(args, {
      stdin: stdin as unknown as NodeJS.ReadStream,
      stdout,
      stderr: collect(err),
      env: { JETTISON_HOME: options.home },
      cwd: options.cwd ?? options.home,
      signal: options.signal ?? new AbortController().signal,
    });
  } catch (thrown) {
    if (!(thrown instanceof JettisonError)) throw thrown;
    error = thrown;
    code = thrown.exitCode;
  }
  const bytes = Buffer.concat(out);
  return { code, error, bytes, stdout: bytes.toString(), stderr: Buffer.concat(err).toString() };
}

/** Odd pieces, so that nothing relies on where a stream is cut. */
function* pieces(bytes: Uint8Array = Buffer.alloc(0)): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += 7777) yield Buffer.from(bytes.subarray(at, at + 7777));
}
