import { AnchorSearch } from './anchor-search.ts';
import { matchKind, type SecretMatch } from './match-kind.ts';
import type { SecretKind } from './secret-kind.ts';
import { secretKinds } from './secret-kinds.ts';
import type { Surroundings } from './surroundings.ts';

/** Bytes before an anchor that patterns look at: names, and what tokens begin with. */
export const BEFORE = 128;
const REACH = 512;
/** Bytes from an anchor on that any kind looks at. */
export const LONGEST_REACH = 4096;

/** A secret in a block of bytes. */
export interface Hit extends SecretMatch {
  kind: SecretKind;
}

/** Bytes that patterns may look at. A hostile file can consist of anchors; looking at each would take hours. */
export class Budget {
  #left: number;

  constructor(size: number) {
    this.#left = (4 << 20) + 8 * size;
  }

  /** True when nothing is left. */
  get isSpent(): boolean {
    return this.#left <= 0;
  }

  spend(bytes: number): void {
    this.#left -= bytes;
  }
}

let search: { anchors: AnchorSearch; kinds: SecretKind[]; ranks: Map<SecretKind, number> } | undefined;

/** Finds the secrets in a block of bytes whose anchors are from `from` to before `end`, in the order of their places. */
export function searchBlock(
  block: Buffer,
  surroundings: Surroundings,
  {
    from = 0,
    end = block.length,
    budget = new Budget(block.length),
  }: { from?: number; end?: number; budget?: Budget } = {},
): Hit[] {
  search ??= prepare();
  const { anchors, kinds, ranks } = search;
  const hits: Hit[] = [];
  anchors.search(block, (at, index) => {
    if (at < from || at >= end) return;
    if (budget.isSpent) return;
    const kind = kinds[index]!;
    const first = Math.max(0, at - BEFORE);
    const text = block.toString('latin1', first, Math.min(block.length, at + (kind.reach ?? REACH)));
    budget.spend(text.length);
    const match = matchKind(kind, text, at - first, surroundings);
    if (match !== undefined) hits.push({ ...match, at: first + match.at, kind });
  });
  return surest(hits, ranks);
}

/** Secrets in a short text: the value of a variable, a label, a command line. */
export function searchText(text: string, surroundings: Surroundings = 'value'): Hit[] {
  return searchBlock(Buffer.from(text), surroundings);
}

function prepare() {
  // An anchor of two kinds is in the list twice.
  const anchors: string[] = [];
  const kinds: SecretKind[] = [];
  const ranks = new Map<SecretKind, number>();
  for (const kind of secretKinds()) {
    ranks.set(kind, ranks.size);
    for (const anchor of kind.anchors) {
      anchors.push(anchor);
      kinds.push(kind);
    }
  }
  return { anchors: new AnchorSearch(anchors), kinds, ranks };
}

/** Of hits that overlap the one whose kind comes first in the table. */
function surest(hits: Hit[], ranks: ReadonlyMap<SecretKind, number>): Hit[] {
  const kept: Hit[] = [];
  for (const hit of hits.sort((a, b) => a.at - b.at)) {
    const last = kept.at(-1);
    if (last === undefined || hit.at >= last.at + last.secret.length) kept.push(hit);
    else if (ranks.get(hit.kind)! < ranks.get(last.kind)!) kept[kept.length - 1] = hit;
  }
  return kept;
}
