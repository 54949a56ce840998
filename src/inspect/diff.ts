import type { Entry } from '../layer/entry.ts';
import { sameEntry } from '../layer/same.ts';
import type { Inspection } from './inspection.ts';
import { type InstructionLocation, madeBy } from './instructions.ts';
import type { Leaf } from './leaf.ts';
import { bytesOf } from './leaf.ts';
import type { Kind, Package } from './package.ts';

/** The members of a path's entry that can differ. */
export const FIELDS = ['type', 'content', 'link', 'mode', 'owner', 'attributes', 'device', 'time'] as const;
export type Field = (typeof FIELDS)[number];

/** What caused a change: the base image, or an instruction of the image that has (or had) the path. */
export interface Cause {
  /** `base`: one of the base image's layers. `from`: only the first image has what this instruction made. */
  in: 'base' | 'from' | 'to';
  /** The instruction's text; of a base image its name. */
  text: string;
  location?: InstructionLocation;
  stage?: string;
}

export interface FileChange {
  path: string;
  change: 'added' | 'removed' | 'changed';
  /** Which members differ; of a changed path only. */
  fields?: Field[];
  /** Bytes before and after. */
  from: number;
  to: number;
  kind: Kind;
  /** The id of the package that owns it. */
  package?: string;
  /** A position in `causes`. */
  cause: number;
}

export interface PackageChange {
  type: string;
  name: string;
  kind: Kind;
  path: string;
  /** Versions: absent where the package is not there. */
  from?: string;
  to?: string;
  dev?: true;
}

export interface LayerChange {
  diffId: string;
  packed: number;
  instruction: string;
}

/** How two images differ: what `jettison diff --json` prints. Sizes are bytes. */
export interface ImageDiff {
  version: 1;
  from: { label: string; id: string };
  to: { label: string; id: string };
  /** Members of the config by their path, e.g. `config.User`; values as they are, undefined for none. */
  config: { key: string; from?: unknown; to?: unknown }[];
  history: { removed: string[]; added: string[] };
  layers: { shared: number; removed: LayerChange[]; added: LayerChange[] };
  packages: PackageChange[];
  files: FileChange[];
  causes: (Cause & { files: number; added: number; removed: number })[];
  size: {
    tree: [from: number, to: number];
    shipped: [number, number];
    waste: [number, number];
    packed: [number, number];
  };
  /** What somebody who has the first image downloads for the second one. */
  pull: { bytes: number; layers: number };
}

/** @param options.times a path that differs in its time alone is changed, too */
export function diff(from: Inspection, to: Inspection, options: { times?: boolean } = {}): ImageDiff {
  const causes = new Causes(from, to);
  return {
    version: 1,
    from: { label: from.image.label, id: from.image.id },
    to: { label: to.image.label, id: to.image.id },
    config: configChanges(from, to),
    history: listChanges(
      from.instructions.map(({ text }) => text),
      to.instructions.map(({ text }) => text),
    ),
    layers: layerChanges(from, to),
    packages: packageChanges(from, to),
    files: fileChanges(from, to, causes, options.times ?? false),
    causes: causes.list,
    size: {
      tree: [from.census.treeBytes, to.census.treeBytes],
      shipped: [from.census.shippedBytes, to.census.shippedBytes],
      waste: [from.census.wasteBytes, to.census.wasteBytes],
      packed: [packedBytes(from), packedBytes(to)],
    },
    pull: pullCost(from, to),
  };
}

/** What somebody who has one image downloads for another: the layers that it lacks, each once, and the config. */
export function pullCost(has: Inspection, wants: Inspection): { bytes: number; layers: number } {
  const there = new Set(has.image.layers.map(({ blob }) => blob.digest));
  const missing = new Map(
    wants.image.layers
      .filter(({ blob }) => !there.has(blob.digest))
      .map(({ blob }) => [blob.digest, blob.size]),
  );
  return { bytes: [...missing.values()].reduce((sum, size) => sum + size, 0), layers: missing.size };
}

/** Bytes of an image's packed layers, each once. */
export function packedBytes({ image }: Inspection): number {
  const sizes = new Map(image.layers.map(({ blob }) => [blob.digest, blob.size]));
  return [...sizes.values()].reduce((sum, size) => sum + size, 0);
}

/** Causes in the order in which they were found, with their changes. */
class Causes {
  readonly list: ImageDiff['causes'] = [];
  readonly #known = new Map<string, number>();

  constructor(
    private readonly from: Inspection,
    private readonly to: Inspection,
  ) {}

  note(side: 'from' | 'to', layer: number, bytes: { from: number; to: number }): number {
    const cause = this.#causeOf(side, layer);
    const key = `${cause.in} ${cause.location?.line ?? ''} ${cause.text}`;
    let at = this.#known.get(key);
    if (at === undefined) {
      at = this.list.push({ ...cause, files: 0, added: 0, removed: 0 }) - 1;
      this.#known.set(key, at);
    }
    const entry = this.list[at]!;
    entry.files++;
    entry.added += bytes.to;
    entry.removed += bytes.from;
    return at;
  }

  #causeOf(side: 'from' | 'to', layer: number): Cause {
    const { base, instructions } = side === 'from' ? this.from : this.to;
    if (base !== undefined && layer < base.layers) return { in: 'base', text: base.name ?? '' };
    const made = madeBy(instructions, layer);
    return {
      in: side,
      text: made?.text ?? '',
      ...(made?.location !== undefined && { location: made.location }),
      ...(made?.stage !== undefined && { stage: made.stage }),
    };
  }
}

function fileChanges(from: Inspection, to: Inspection, causes: Causes, times: boolean): FileChange[] {
  const changes: FileChange[] = [];
  const note = (
    path: string,
    before: Leaf | undefined,
    after: Leaf | undefined,
    fields?: Field[],
    hiddenBy?: number,
  ) => {
    const shown = (after ?? before)!;
    const bytes = { from: before ? bytesOf(before) : 0, to: after ? bytesOf(after) : 0 };
    changes.push({
      path,
      change: before === undefined ? 'added' : after === undefined ? 'removed' : 'changed',
      ...(fields !== undefined && { fields }),
      ...bytes,
      kind: shown.kind ?? 'unowned',
      ...(shown.owner !== undefined && { package: shown.owner.id }),
      cause:
        hiddenBy !== undefined
          ? causes.note('to', hiddenBy, bytes)
          : causes.note(after === undefined ? 'from' : 'to', shown.layer, bytes),
    });
  };
  /** What the second image has, too, and deletes again. */
  const hiddenBy = new Map(to.census.waste.map(({ path, by }) => [path, by]));
  for (const [path, after] of to.census.leaves) {
    const before = from.census.leaves.get(path);
    if (before === undefined) note(path, undefined, after);
    else if (!sameEntry(before.entry, after.entry)) {
      const fields = differences(before, after).filter((field) => times || field !== 'time');
      if (fields.length > 0) note(path, before, after, fields);
    }
  }
  for (const [path, before] of from.census.leaves) {
    if (!to.census.leaves.has(path)) note(path, before, undefined, undefined, hiddenBy.get(path));
  }
  return changes.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
}

function differences(before: Leaf, after: Leaf): Field[] {
  const [a, b] = [before.entry, after.entry];
  const isFile = (entry: Entry) => entry.type === 'file' || entry.type === 'hardlink';
  const differs: Record<Field, boolean> = {
    type: isFile(a) && isFile(b) ? false : a.type !== b.type,
    content: before.content?.digest !== after.content?.digest,
    link: a.type === 'symlink' && b.type === 'symlink' && a.link !== b.link,
    mode: a.mode !== b.mode,
    owner: a.uid !== b.uid || a.gid !== b.gid,
    attributes: JSON.stringify(a.xattrs ?? {}) !== JSON.stringify(b.xattrs ?? {}),
    device: a.device?.major !== b.device?.major || a.device?.minor !== b.device?.minor,
    time: a.mtime !== b.mtime,
  };
  return FIELDS.filter((field) => differs[field]);
}

function layerChanges(from: Inspection, to: Inspection): ImageDiff['layers'] {
  const list = ({ image, instructions }: Inspection, others: Inspection) => {
    const there = new Set(others.image.layers.map(({ diffId }) => diffId));
    return image.layers.flatMap(({ diffId, blob }, at) =>
      there.has(diffId)
        ? []
        : [
            {
              diffId,
              packed: blob.size,
              instruction: madeBy(instructions, at)?.text ?? '',
            },
          ],
    );
  };
  const added = list(to, from);
  return { shared: to.image.layers.length - added.length, removed: list(from, to), added };
}

/** Lines that only one of two lists has, with their count; a different order is not a change. */
function listChanges(from: readonly string[], to: readonly string[]): { removed: string[]; added: string[] } {
  const without = (list: readonly string[], others: readonly string[]) => {
    const left = new Map<string, number>();
    for (const one of others) left.set(one, (left.get(one) ?? 0) + 1);
    return list.filter((one) => {
      const count = left.get(one) ?? 0;
      left.set(one, count - 1);
      return count <= 0;
    });
  };
  return { removed: without(from, to), added: without(to, from) };
}

/** A config without the layers and the history, which are compared separately. */
function configChanges(from: Inspection, to: Inspection): ImageDiff['config'] {
  const flat = ({ image }: Inspection) => {
    const values = new Map<string, unknown>();
    const { rootfs: _, history: __, created: ___, config, ...others } = image.config;
    for (const [key, value] of Object.entries(others)) values.set(key, value);
    for (const [key, value] of Object.entries(config ?? {})) {
      if (key === 'Env' && Array.isArray(value)) {
        for (const variable of value as string[]) {
          const equals = variable.indexOf('=');
          values.set(`config.Env.${variable.slice(0, equals)}`, variable.slice(equals + 1));
        }
      } else if (key === 'Labels' && value !== null && typeof value === 'object') {
        for (const [label, text] of Object.entries(value)) values.set(`config.Labels.${label}`, text);
      } else if (value !== null && value !== undefined) values.set(`config.${key}`, value);
    }
    return values;
  };
  const [before, after] = [flat(from), flat(to)];
  return [...new Set([...before.keys(), ...after.keys()])].sort().flatMap((key) => {
    const [a, b] = [before.get(key), after.get(key)];
    if (JSON.stringify(a) === JSON.stringify(b)) return [];
    return [{ key, ...(a !== undefined && { from: a }), ...(b !== undefined && { to: b }) }];
  });
}

/** Packages by place. One whose place contains its version (pnpm's store) counts as the same package in another version. */
function packageChanges(from: Inspection, to: Inspection): PackageChange[] {
  const place = ({ type, name, path, id }: Package) =>
    type === 'deb' || type === 'apk' ? id : `${type}:${name}:${path}`;
  const before = new Map([...from.census.packages.values()].map((one) => [place(one), one]));
  const after = new Map([...to.census.packages.values()].map((one) => [place(one), one]));
  const pairs: [Package | undefined, Package | undefined][] = [];
  const moved = new Map<string, { gone: Package[]; come: Package[] }>();
  const unmatched = (one: Package, side: 'gone' | 'come') => {
    const key = `${one.type}:${one.name}`;
    const entry = moved.get(key) ?? { gone: [], come: [] };
    entry[side].push(one);
    moved.set(key, entry);
  };
  for (const [key, one] of before) {
    const other = after.get(key);
    if (other === undefined) unmatched(one, 'gone');
    else if (other.version !== one.version || other.dev !== one.dev) pairs.push([one, other]);
  }
  for (const [key, one] of after) if (!before.has(key)) unmatched(one, 'come');
  for (const { gone, come } of moved.values()) {
    const equals = gone.filter((one) => come.some(({ version }) => version === one.version));
    const left = gone.filter((one) => !equals.includes(one));
    const right = come.filter((one) => !equals.some(({ version }) => version === one.version));
    for (let at = 0; at < Math.max(left.length, right.length); at++) pairs.push([left[at], right[at]]);
  }
  return pairs
    .map(([a, b]): PackageChange => {
      const { type, name, kind, path, dev } = (b ?? a)!;
      return {
        ...{ type, name, kind, path },
        ...(a !== undefined && { from: a.version }),
        ...(b !== undefined && { to: b.version }),
        ...(dev && { dev }),
      };
    })
    .sort((a, b) =>
      a.type < b.type ? -1 : a.type > b.type ? 1 : a.name < b.name ? -1 : a.name > b.name ? 1 : 0,
    );
}
