import { join, nameOf, parentOf } from '../../layer/entry.ts';
import type { Catalogue } from '../catalogue.ts';
import { searchElf } from '../stream-search.ts';

interface Fact {
  /** Of Node itself. */
  version: string;
  /** `process.versions`, as far as the program says it. */
  parts: Record<string, string>;
}

/** No build of Node is smaller. */
const LEAST = 16 << 20;
/** Other names of the keys of `process.versions`. */
const NAMES: Record<string, string> = {
  ares: 'c-ares',
  cjs_module_lexer: 'cjs-module-lexer',
  icu: 'icu',
  tz: 'tzdata',
  unicode: 'unicode-character-database',
  uv: 'libuv',
};
/** Versions of interfaces, not of parts. */
const INTERFACES = new Set(['modules', 'napi', 'node']);
/** Keys that V8 keeps elsewhere, since the rest of Node has the same words: those of every version, those of some. */
const COMMON = ['brotli', 'icu', 'modules', 'openssl', 'unicode', 'uv', 'v8', 'zlib'];
/**
 * Keys that a version has or lacks (`base64` until 21, `sqlite` since 22.5, `zstd` since 22.15), or whose values are
 * elsewhere: single digits (napi), nothing at all (QUIC since Node 24). How many values there are, and how they look, tells which.
 */
const SOMETIMES = [['base64'], ['sqlite'], ['zstd'], ['napi'], ['nghttp3', 'ngtcp2']];
/** Between these the keys stand by the alphabet; words that other strings next to them may be. */
const FIRST_KEY = 'acorn';
const LAST_KEY = 'zstd';
const OTHERS = new Set(['lts', 'node', 'release', 'version', 'versions', ...SOMETIMES.flat()]);
/** Node's first properties are kept in the object itself, and are written after the others. */
const INSIDE = 4;
const SHAPES: Record<string, RegExp> = {
  base64: /^0\.\d+\.\d+$/,
  brotli: /^1\.\d+\.\d+$/,
  cldr: /^\d+(\.\d+)+$/,
  icu: /^\d+\.\d+$/,
  modules: /^\d{2,3}$/,
  napi: /^\d{2}$/,
  nghttp2: /^1\.\d+\.\d+/,
  node: /^(1[2-9]|[2-9]\d)\.\d+\.\d+/,
  openssl: /^\d+\.\d+\.\d+/,
  sqlite: /^3\.\d+\.\d+$/,
  tz: /^\d{4}[a-z]$/,
  unicode: /^\d+\.\d+$/,
  v8: /-node\.\d+$/,
  zstd: /^1\.\d+\.\d+$/,
};

/**
 * Node's own program, and the libraries that are linked into it. Its startup snapshot has `process.versions` as objects
 * of V8: a run of strings, each with its length in front, with the values in the order of their keys, and another run
 * with those of the keys that nothing else in Node is called. What stands around the program in Node's archive is its own.
 */
export const node: Catalogue<Fact> = {
  id: 'node',

  wants: (path, size, mode) =>
    size >= LEAST && ((mode & 0o111) !== 0 || nameOf(path) === 'node') ? 'pieces' : undefined,

  scan() {
    let values: string[] | undefined;
    let keys: string[] | undefined;
    const needles = [
      {
        ...{ find: Buffer.from('-node.'), before: 2048, after: 1024 },
        found(around: Buffer, at: number) {
          values ??= runAround(around, at, /^\d[\w.+-]*$/);
          return values !== undefined;
        },
      },
      {
        ...{ find: Buffer.from('\x06\0\0\0llhttp', 'latin1'), before: 1024, after: 2048 },
        found(around: Buffer, at: number) {
          keys ??= runAround(around, at + 4, /^[a-z][a-z0-9_]*$/);
          return keys !== undefined;
        },
      },
    ];
    return searchElf(needles, () => (values === undefined ? undefined : factOf(values, keys ?? [])));
  },

  own(census, facts) {
    for (const [path, { version, parts }] of facts) {
      const of = { type: 'generic', kind: 'runtime', path } as const;
      const inner = Object.entries(parts)
        .filter(([key]) => !INTERFACES.has(key))
        .map(([key, value]) => {
          const name = NAMES[key] ?? key;
          const purl = `pkg:generic/${encodeURIComponent(name)}@${encodeURIComponent(value)}`;
          const id = `generic:${name}@${value}:/${path}`;
          return census.enter({ ...of, id, name, version: value, purl, partOf: idOf(version, path) });
        });
      const owner = census.enter({
        ...{ ...of, id: idOf(version, path), name: 'node', version, purl: `pkg:generic/node@${version}` },
        requires: inner.map(({ id }) => id),
      });
      census.own(census.leaf(path), owner, 'runtime');
      const prefix = parentOf(parentOf(path));
      if (nameOf(parentOf(path)) !== 'bin' || census.get(join(prefix, 'include/node')) === undefined)
        continue;
      const around = [
        ...['include/node', 'share/doc/node', 'share/man/man1/node.1', 'share/systemtap/tapset/node.stp'],
        ...['CHANGELOG.md', 'LICENSE', 'README.md'],
      ];
      for (const one of around) {
        for (const leaf of census.below(join(prefix, one))) census.own(leaf, owner, 'runtime');
      }
      const link = census.leaf(join(prefix, 'bin/nodejs'));
      if (link?.entry.type === 'symlink') census.own(link, owner, 'runtime');
    }
  },
};

function idOf(version: string, path: string): string {
  return `generic:node@${version}:/${path}`;
}

/** The run of V8 strings around an offset: adjacent, and with headers of the same form. */
function runAround(around: Buffer, at: number, alike: RegExp): string[] | undefined {
  const text = around.toString('latin1');
  const found: { text: string; start: number; end: number }[] = [];
  for (const { 0: all, 1: length, 2: rest, index } of text.matchAll(
    /([\x01-\x40])\0\0\0(?=([\x21-\x7e]{1,64}))/g,
  )) {
    const size = length!.charCodeAt(0);
    const value = rest!.slice(0, size);
    if (value.length === size && alike.test(value)) {
      const start = index + all.length;
      found.push({ text: value, start, end: start + size });
    }
  }
  const middle = found.findIndex(({ start, end }) => start <= at && at < end);
  if (middle < 0) return undefined;
  // A header of up to 16 bytes, after up to 8 of padding.
  const areNext = (a: number) => found[a + 1]!.start - found[a]!.end <= 24;
  let first = middle;
  let last = middle;
  while (first > 0 && areNext(first - 1)) first--;
  while (last + 1 < found.length && areNext(last)) last++;
  return found.slice(first, last + 1).map((one) => one.text);
}

function factOf(values: readonly string[], run: readonly string[]): Fact | undefined {
  const keys = [...sortedAround(run).filter((key) => !OTHERS.has(key)), ...COMMON];
  for (let choice = 0; choice < 1 << SOMETIMES.length; choice++) {
    const some = SOMETIMES.filter((_, at) => (choice & (1 << at)) !== 0).flat();
    const all = ['node', ...[...new Set([...keys, ...some])].sort()];
    const parts = matched([...all.slice(INSIDE), ...all.slice(0, INSIDE)], values);
    if (parts !== undefined) return { version: parts['node']!, parts };
  }
  // Where the keys are not known, values that can be recognised by their form.
  const v8 = values.find((value) => SHAPES['v8']!.test(value));
  if (v8 === undefined) return undefined;
  const version = values.slice(values.indexOf(v8) + 2).find((value) => SHAPES['node']!.test(value));
  return version === undefined ? undefined : { version, parts: { node: version, v8 } };
}

/** The keys of a run: those that ascend by the alphabet around `llhttp`. */
function sortedAround(run: readonly string[]): string[] {
  const middle = run.indexOf('llhttp');
  let first = middle;
  let last = middle;
  while (first > 0 && run[first - 1]! < run[first]! && run[first - 1]! >= FIRST_KEY) first--;
  while (last + 1 < run.length && run[last + 1]! > run[last]! && run[last + 1]! <= LAST_KEY) last++;
  return run.slice(Math.max(0, first), last + 1);
}

/** Keys and values, if every value looks like what its key says. */
function matched(order: readonly string[], values: readonly string[]): Record<string, string> | undefined {
  if (order.length !== values.length) return undefined;
  if (order.some((key, at) => SHAPES[key]?.test(values[at]!) === false)) return undefined;
  return Object.fromEntries(
    order.map((key, at) => [key, values[at]!]).sort(([a], [b]) => (a! < b! ? -1 : 1)),
  );
}
