import { constants, inflateSync } from 'node:zlib';
import { damaged, missingObject } from './git-error.ts';
import {
  type Commit,
  type GitObject,
  type HashName,
  inflate,
  type ObjectType,
  objectId,
  parseCommit,
  parseTree,
  sizeOfHash,
  type TreeLine,
} from './object.ts';
import { Pack } from './pack-file.ts';
import { PackIndex } from './pack-index.ts';
import type { RepositoryFiles } from './repository-files.ts';

/** Maximum bytes of a commit, a tree or a file that is read whole. */
const MOST = 128 << 20;
/** A loose object's header: `commit 1234\0`. */
const LOOSE_HEADER = 32;
const ID = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

/**
 * The objects of a repository, loose and packed. Each object is compared with its name, so objects cannot be forged,
 * and trees have no cycles.
 */
export class GitObjects {
  readonly #packs = new Map<string, Pack[]>();
  readonly #trees = new Map<string, TreeLine[]>();

  /** @param folders `objects` directories: the repository's own, then those it borrows from */
  constructor(
    private readonly files: RepositoryFiles,
    private readonly folders: readonly string[],
    readonly hash: HashName,
  ) {}

  /** @throws JettisonError `GIT_OBJECT_MISSING`, `GIT_DAMAGED` */
  commit(id: string): Commit {
    return parseCommit(id, this.#read(id, 'commit'));
  }

  /** The lines of a tree. The same array is returned for the same tree. */
  tree(id: string): TreeLine[] {
    let lines = this.#trees.get(id);
    if (lines === undefined) {
      lines = parseTree(id, this.#read(id, 'tree'), this.hash);
      this.#trees.set(id, lines);
    }
    return lines;
  }

  blob(id: string): Buffer {
    return this.#read(id, 'blob');
  }

  has(id: string): boolean {
    return this.#find(id) !== undefined;
  }

  /** The object that an annotated tag refers to; the id itself for other objects. */
  peel(id: string): string {
    let at = id;
    for (let depth = 0; depth < 10; depth++) {
      const found = this.#find(at);
      if (found?.type !== 'tag') return at;
      const target = /^object ([0-9a-f]+)$/m.exec(found.data.toString('utf8'))?.[1];
      if (target === undefined || !ID.test(target)) throw damaged(`the tag ${at} refers to no object`);
      at = target;
    }
    throw damaged(`the tag ${id} is nested too deeply`);
  }

  #read(id: string, type: ObjectType): Buffer {
    const found = this.#find(id);
    if (found === undefined) throw missingObject(id, type);
    if (found.type !== type) throw damaged(`the object ${id} is a ${found.type}, and should be a ${type}`);
    return found.data;
  }

  #find(id: string, depth = 0): GitObject | undefined {
    if (!ID.test(id) || id.length !== sizeOfHash(this.hash) * 2)
      throw damaged(`"${id}" is not an object's name`);
    // A base of another pack may need a base of yet another one.
    if (depth > 16) throw damaged('deltas of several packs refer to each other');
    const bytes = Buffer.from(id, 'hex');
    for (const folder of this.folders) {
      const found =
        this.#packed(folder, bytes, depth) ?? this.#loose(`${folder}/${id.slice(0, 2)}/${id.slice(2)}`);
      if (found === undefined) continue;
      if (objectId(this.hash, found.type, found.data) !== id) {
        throw damaged(`the object ${id} has another digest than its name`);
      }
      return found;
    }
    return undefined;
  }

  #packed(folder: string, id: Buffer, depth: number): GitObject | undefined {
    for (const pack of this.#packsOf(folder)) {
      const offset = pack.index.offsetOf(id);
      if (offset !== undefined) return pack.read(offset, MOST, (base) => this.#find(base, depth + 1));
    }
    return undefined;
  }

  #packsOf(folder: string): Pack[] {
    let packs = this.#packs.get(folder);
    if (packs === undefined) {
      packs = this.files.names(`${folder}/pack`).flatMap((name) => {
        if (!name.endsWith('.idx')) return [];
        const path = `${folder}/pack/${name}`;
        const pack = this.files.open(path.replace(/idx$/, 'pack'));
        const index = pack && this.files.open(path);
        if (pack === undefined || index === undefined) return [];
        const size = sizeOfHash(this.hash);
        return [new Pack(pack, new PackIndex(index, size, path), size)];
      });
      this.#packs.set(folder, packs);
    }
    return packs;
  }

  #loose(path: string): GitObject | undefined {
    const bytes = this.files.read(path, MOST);
    if (bytes === undefined) return undefined;
    const head = beginningOf(bytes);
    const zero = head.indexOf(0);
    const [, type, text] = /^(commit|tree|blob|tag) (\d{1,12})$/.exec(head.toString('latin1', 0, zero)) ?? [];
    if (type === undefined) throw damaged(`${path} is not an object`);
    const size = Number(text);
    if (size > MOST) throw damaged(`${path} has ${size} bytes`);
    return { type: type as ObjectType, data: inflate(bytes, zero + 1 + size).subarray(zero + 1) };
  }
}

function beginningOf(bytes: Buffer): Buffer {
  try {
    return inflateSync(bytes.subarray(0, 256), {
      finishFlush: constants.Z_SYNC_FLUSH,
      chunkSize: 64,
    }).subarray(0, LOOSE_HEADER);
  } catch {
    return Buffer.alloc(0);
  }
}
