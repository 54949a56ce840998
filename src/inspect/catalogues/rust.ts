import { inflateSync, constants as zlib } from 'node:zlib';
import type { Catalogue } from '../catalogue.ts';
import { searchElf } from '../stream-search.ts';

interface Crate {
  name: string;
  version: string;
  /** Positions of those that it needs. */
  needs: number[];
  isRoot?: true;
  forBuild?: true;
}

interface Fact {
  crates: Crate[];
}

const LEAST = 64 << 10;
const LIST_LIMIT = 4 << 20;
const PACKED_LIMIT = 1 << 20;
/** Bytes to unpack in order to check how the unpacked data begins. */
const TASTE = 512;
const LIST_START = '{"packages":[';
/** False candidates that are tried in one file, at most: it may be hostile. */
const MOST_TASTES = 1 << 14;

/**
 * Programs made by `cargo auditable`: their section `.dep-v0` is a list of crates as JSON, packed by zlib. Where sections
 * are stands at the end of a program, when its bytes have passed; so the list is known by how it begins.
 */
export const rust: Catalogue<Fact> = {
  id: 'rust',

  wants: (_path, size, mode) => (size >= LEAST && (mode & 0o111) !== 0 ? 'pieces' : undefined),

  scan() {
    let fact: Fact | undefined;
    let tastes = 0;
    const lists = new Set<number>();
    // The first byte of zlib's header, and the second for each level of compression.
    const needles = [0x01, 0x5e, 0x9c, 0xda].map((level) => ({
      ...{ find: Buffer.from([0x78, level]), before: 0, after: TASTE },
      found(around: Buffer, at: number, offset: number) {
        const packed = around.subarray(at);
        if (lists.has(offset)) fact ??= factOf(unpacked(packed, LIST_LIMIT));
        if (fact !== undefined || tastes >= MOST_TASTES) return true;
        if (lists.has(offset) || !couldBegin(packed[2] ?? 0)) return false;
        tastes++;
        if (!unpacked(packed, LIST_LIMIT)?.startsWith(LIST_START)) return false;
        lists.add(offset);
        return PACKED_LIMIT;
      },
    }));
    return searchElf(needles, () => fact);
  },

  own(census, facts) {
    for (const [path, { crates }] of facts) {
      const idOf = ({ name, version }: Crate) => `cargo:${name}@${version}:/${path}`;
      const root = crates.find(({ isRoot }) => isRoot);
      for (const crate of crates) {
        const { name, version, needs, isRoot, forBuild } = crate;
        const entered = census.enter({
          ...{ id: idOf(crate), type: 'cargo', name, version, kind: 'rust', path },
          purl: `pkg:cargo/${encodeURIComponent(name)}@${encodeURIComponent(version)}`,
          ...(forBuild && { dev: true as const }),
          ...(root !== undefined && !isRoot && { partOf: idOf(root) }),
          requires: needs.flatMap((at) => (crates[at] === undefined ? [] : [idOf(crates[at])])),
        });
        if (isRoot) census.own(census.leaf(path), entered, 'rust');
      }
    }
  },
};

/** Whether a byte begins a block of packed text: with codes of its own or the common ones, the last block or not. */
function couldBegin(byte: number): boolean {
  const kind = (byte >> 1) & 3;
  return kind === 1 || (kind === 2 && byte >> 3 <= 29);
}

/** Unpacks bytes that may be cut off; undefined if they are damaged or give more than `limit` bytes. */
function unpacked(packed: Buffer, limit: number): string | undefined {
  try {
    const finishFlush = zlib.Z_SYNC_FLUSH;
    return inflateSync(packed, { finishFlush, maxOutputLength: limit }).toString('utf8');
  } catch {
    return undefined;
  }
}

function factOf(text: string | undefined): Fact | undefined {
  if (text === undefined) return undefined;
  let value: { packages?: unknown };
  try {
    value = JSON.parse(text) as { packages?: unknown };
  } catch {
    return undefined;
  }
  if (!Array.isArray(value.packages)) return undefined;
  const crates = value.packages.map((one: Record<string, unknown> | null): Crate => {
    const { name, version, dependencies, root, kind } = one ?? {};
    return {
      name: String(name),
      version: String(version),
      needs: Array.isArray(dependencies) ? dependencies.filter(Number.isInteger) : [],
      ...(root === true && { isRoot: true }),
      ...(kind === 'build' && { forBuild: true }),
    };
  });
  return { crates };
}
