import { formatPlatform } from '../image/platform.ts';
import type { RuntimeConfig } from '../image/types.ts';
import type { Census, Waste } from './census.ts';
import type { Inspection } from './inspection.ts';
import type { Instruction } from './instructions.ts';
import type { Distribution } from './inventory.ts';
import type { Leaf } from './leaf.ts';
import { bytesOf, filesOf } from './leaf.ts';
import { KINDS, type Kind, type Package } from './package.ts';

/** Bytes and files: contents once, whatever number of names they have. */
export interface Amount {
  bytes: number;
  files: number;
}

export interface DescribedLayer extends Amount {
  diffId: string;
  /** Of the packed form. */
  digest: string;
  mediaType: string;
  /** Bytes to pull. */
  packed: number;
  /** Bytes of it that later layers hide. */
  wasted: number;
  /** It is one of the base image's. */
  base: boolean;
  /** The instruction that made it: a position in `instructions`. */
  instruction: number;
}

export interface DescribedPackage extends Package, Amount {
  /** The layers that have files of it. */
  layers: number[];
}

/** A file of the final tree. */
export interface DescribedFile {
  path: string;
  bytes: number;
  kind: Kind;
  layer: number;
  /** The id of the package that owns it. */
  package?: string;
  /** Digest of a file's content; not of links and devices. */
  digest?: string;
  /** Of symlinks: where it leads. */
  link?: string;
}

/**
 * `image.json`: all facts of an image, as data. Sizes are bytes, paths relative to the image's root,
 * layers and instructions positions in their lists. Sums are exact: `shipped` is `tree` and `waste` together; the kinds
 * add up to `tree`. Members are only ever added; a change of what one means raises `version`.
 */
export interface ImageDescription {
  version: 1;
  image: {
    label: string;
    id: string;
    digest: string;
    platform: string;
    created?: string;
    config: RuntimeConfig;
  };
  base?: { name?: string; layers: number };
  distribution?: Distribution;
  size: { packed: number; shipped: number; tree: number; waste: number; files: number; layers: number };
  kinds: Partial<Record<Kind, Amount>>;
  layers: DescribedLayer[];
  instructions: Instruction[];
  packages: DescribedPackage[];
  /** Largest first. */
  waste: Waste[];
  /** In canonical order; on demand. */
  files?: DescribedFile[];
}

/** @param options.files list every file of the final tree, too */
export function describe(
  { image, census, instructions, base, distribution }: Inspection,
  options: { files?: boolean } = {},
): ImageDescription {
  const wasted = new Array<number>(image.layers.length).fill(0);
  for (const { layer, bytes } of census.waste) wasted[layer]! += bytes;
  const layers = image.layers.map(
    ({ diffId, blob }, at): DescribedLayer => ({
      ...{ diffId, digest: blob.digest, mediaType: blob.mediaType, packed: blob.size },
      ...{ bytes: census.bytes[at]!, files: census.files[at]!, wasted: wasted[at]! },
      base: at < (base?.layers ?? 0),
      instruction: instructions.findIndex(({ layer }) => layer === at),
    }),
  );
  const { os, architecture, variant, created } = image.config;
  const { kinds, packages, files } = sums(census.leaves.values());
  return {
    version: 1,
    image: {
      ...{ label: image.label, id: image.id, digest: image.descriptor.digest },
      platform: formatPlatform({ os, architecture, ...(variant !== undefined && { variant }) }),
      ...(created !== undefined && { created }),
      config: image.config.config ?? {},
    },
    ...(base !== undefined && { base }),
    ...(distribution !== undefined && { distribution }),
    size: {
      packed: layers.reduce((sum, { packed }) => sum + packed, 0),
      ...{ shipped: census.shippedBytes, tree: census.treeBytes, waste: census.wasteBytes },
      ...{ files, layers: layers.length },
    },
    kinds,
    layers,
    instructions,
    packages: [...census.packages.values()].map((one) => {
      const { amount, layers: of } = packages.get(one) ?? {
        amount: { bytes: 0, files: 0 },
        layers: new Set(),
      };
      return { ...one, ...amount, layers: [...of].sort((a, b) => a - b) };
    }),
    waste: census.waste,
    ...(options.files && { files: [...describeFiles(census)] }),
  };
}

/** Every file of the final tree, in canonical order, as often as they are asked for. */
export function describeFiles({ leaves }: Census): Iterable<DescribedFile> {
  return {
    *[Symbol.iterator]() {
      for (const leaf of leaves.values()) yield describeLeaf(leaf);
    },
  };
}

export function describeLeaf(leaf: Leaf): DescribedFile {
  const { path, kind = 'unowned', layer, owner, entry, content } = leaf;
  return {
    ...{ path, bytes: bytesOf(leaf), kind, layer },
    ...(owner !== undefined && { package: owner.id }),
    ...(content?.digest !== undefined && { digest: `sha256:${content.digest}` }),
    ...(entry.type === 'symlink' && { link: entry.link! }),
  };
}

function sums(leaves: Iterable<Leaf>) {
  const byKind = new Map<Kind, Amount>();
  const packages = new Map<Package, { amount: Amount; layers: Set<number> }>();
  let files = 0;
  for (const leaf of leaves) {
    const bytes = bytesOf(leaf);
    const count = filesOf(leaf);
    files += count;
    const { kind = 'unowned', owner, layer } = leaf;
    add(byKind.get(kind) ?? enter(byKind, kind), bytes, count);
    if (owner === undefined) continue;
    let owned = packages.get(owner);
    if (owned === undefined) {
      owned = { amount: { bytes: 0, files: 0 }, layers: new Set() };
      packages.set(owner, owned);
    }
    add(owned.amount, bytes, count);
    owned.layers.add(layer);
  }
  const kinds: Partial<Record<Kind, Amount>> = {};
  for (const kind of KINDS) {
    const amount = byKind.get(kind);
    if (amount !== undefined) kinds[kind] = amount;
  }
  return { kinds, packages, files };
}

function enter(amounts: Map<Kind, Amount>, kind: Kind): Amount {
  const amount = { bytes: 0, files: 0 };
  amounts.set(kind, amount);
  return amount;
}

function add(to: Amount, bytes: number, files: number): void {
  to.bytes += bytes;
  to.files += files;
}
