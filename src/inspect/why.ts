import { closest } from '../errors/closest.ts';
import { JettisonError } from '../errors/error.ts';
import type { Store } from '../store/store.ts';
import { askedBy } from './asked-by.ts';
import type { Census, Waste } from './census.ts';
import type { Inspection } from './inspection.ts';
import { madeBy } from './instructions.ts';
import type { Leaf } from './leaf.ts';
import { bytesOf, filesOf } from './leaf.ts';
import { type OriginLink, originsOf } from './origins.ts';
import type { Kind, Package } from './package.ts';

/** Why something is in an image: what `jettison why --json` prints. Sizes are bytes. */
export interface Reason {
  /** What was asked for: a path of the image, or of a package. */
  path: string;
  isDirectory: boolean;
  bytes: number;
  files: number;
  kind: Kind;
  /** Bytes of each kind, most first; of a directory that has several. */
  kinds: [Kind, number][];
  package?: Package & { bytes: number; files: number };
  /** The packages that require it: the nearest first; a file requires the last one directly. */
  askedBy: Pick<Package, 'id' | 'name' | 'version'>[];
  /** The file that requires the last of them, or the package itself. */
  asker?: { path: string; line?: number };
  /** The instructions that it came by, the last one first; of a directory, those of its largest file. */
  origins: OriginLink[];
  /** The layers that it is in, and how much of it. */
  layers: { position: number; bytes: number; files: number; instruction: string }[];
  layer: { position: number; count: number; diffId: string; digest: string; packed: number };
  /** The same path in lower layers, which is pulled but hidden. */
  earlier: Waste[];
}

/**
 * Why a path or a package is in an image; of a package name one reason for each place that has it.
 *
 * @param subject a path from the image's root, with or without a slash before it; or `NAME[@VERSION]` of a package
 * @throws JettisonError `NOT_IN_IMAGE`
 */
export function why(inspection: Inspection, subject: string, store: Store): Reason[] {
  const { census, image } = inspection;
  if (image.layers.length === 0) throw empty(image.label);
  const path = subject.replace(/^\/+|\/+$/g, '');
  const found = census.get(path);
  if (found !== undefined || subject.startsWith('/')) {
    const real = found === undefined ? census.real(path) : path;
    if (real === undefined || census.get(real) === undefined) throw notThere(inspection, subject);
    return [reasonOf(inspection, real, undefined, store)];
  }
  const packages = packagesNamed(census, subject);
  if (packages.length === 0) throw notThere(inspection, subject);
  return packages.map((one) => reasonOf(inspection, one.path, one, store));
}

function packagesNamed({ packages }: Census, subject: string): Package[] {
  const at = subject.lastIndexOf('@');
  const [name, version] = at > 0 ? [subject.slice(0, at), subject.slice(at + 1)] : [subject, undefined];
  return [...packages.values()].filter(
    (one) => one.id === subject || (one.name === name && (version === undefined || one.version === version)),
  );
}

function reasonOf(inspection: Inspection, path: string, named: Package | undefined, store: Store): Reason {
  const { census, image } = inspection;
  const isOwn = (leaf: Leaf) => named === undefined || leaf.owner === named;
  const node = census.get(path);
  const isDirectory = node !== undefined && 'directory' in node;
  const leaves = named === undefined ? [...census.below(path)] : [...census.leaves.values()].filter(isOwn);
  const largest = leaves.reduce<Leaf | undefined>(
    (best, leaf) => (best === undefined || bytesOf(leaf) > bytesOf(best) ? leaf : best),
    undefined,
  );
  const kinds = kindsOf(leaves);
  const owners = new Set(leaves.map(({ owner }) => owner));
  const owner = named ?? (owners.size === 1 ? largest?.owner : undefined);
  const layer = largest?.layer ?? (isDirectory ? node.layer : 0);
  const { diffId, blob } = image.layers[layer]!;
  const { chain, asker } = owner === undefined ? { chain: [], asker: undefined } : askedBy(census)(owner);
  return {
    ...{ path, isDirectory, bytes: sum(leaves), files: countFiles(leaves) },
    kind: kinds[0]?.[0] ?? 'unowned',
    kinds,
    ...(owner !== undefined && { package: { ...owner, ...totals(census, owner) } }),
    askedBy: chain.map(({ id, name, version }) => ({ id, name, version })),
    ...(asker !== undefined && { asker }),
    origins:
      largest === undefined
        ? []
        : originsOf(inspection, largest, store).map((link) => shortened(link, largest, path)),
    layers: layersOf(inspection, leaves),
    layer: { position: layer, count: image.layers.length, diffId, digest: blob.digest, packed: blob.size },
    earlier: census.waste.filter((one) => one.path === path || one.path.startsWith(`${path}/`)),
  };
}

function totals(census: Census, owner: Package): { bytes: number; files: number } {
  const own = [...census.leaves.values()].filter((leaf) => leaf.owner === owner);
  return { bytes: sum(own), files: countFiles(own) };
}

function sum(leaves: readonly Leaf[]): number {
  return leaves.reduce((all, leaf) => all + bytesOf(leaf), 0);
}

function countFiles(leaves: readonly Leaf[]): number {
  return leaves.reduce((all, leaf) => all + filesOf(leaf), 0);
}

function kindsOf(leaves: readonly Leaf[]): [Kind, number][] {
  const bytes = new Map<Kind, number>();
  for (const leaf of leaves) {
    const { kind = 'unowned' } = leaf;
    bytes.set(kind, (bytes.get(kind) ?? 0) + bytesOf(leaf));
  }
  return [...bytes].sort(([, a], [, b]) => b - a);
}

function layersOf({ instructions }: Inspection, leaves: readonly Leaf[]): Reason['layers'] {
  const byLayer = new Map<number, Leaf[]>();
  for (const leaf of leaves) {
    const own = byLayer.get(leaf.layer);
    if (own === undefined) byLayer.set(leaf.layer, [leaf]);
    else own.push(leaf);
  }
  return [...byLayer]
    .map(([position, own]) => ({
      ...{ position, bytes: sum(own), files: countFiles(own) },
      instruction: madeBy(instructions, position)?.text ?? '',
    }))
    .sort((a, b) => a.position - b.position);
}

/** Of a directory, the link names where the directory was, not the file in it that was followed. */
function shortened(link: OriginLink, followed: Leaf, path: string): OriginLink {
  const inside = followed.path === path ? '' : followed.path.slice(path === '' ? 0 : path.length + 1);
  if (inside === '' || !link.path.endsWith(`/${inside}`)) return link;
  return { ...link, path: link.path.slice(0, -inside.length - 1) };
}

function empty(label: string): JettisonError {
  return new JettisonError('NOT_IN_IMAGE', `${label} has no layers: there is nothing in it`, {
    hint: 'Its config is all that it has: `jettison inspect` shows it.',
  });
}

function notThere({ census, image }: Inspection, subject: string): JettisonError {
  const path = subject.replace(/^\/+/, '');
  const hidden = census.waste.find((one) => one.path === path || one.path.startsWith(`${path}/`));
  if (hidden !== undefined) {
    const verb = hidden.reason === 'deleted' ? 'deletes' : 'replaces';
    return new JettisonError(
      'NOT_IN_IMAGE',
      `/${path} is in layer ${hidden.layer + 1} of ${image.label}, and layer ${hidden.by + 1} ${verb} it`,
      {
        hint: 'It is pulled and not seen: `jettison explore` lists what is wasted.',
      },
    );
  }
  const meant = subject.startsWith('/')
    ? undefined
    : closest(subject, new Set([...census.packages.values()].map(({ name }) => name)));
  return new JettisonError(
    'NOT_IN_IMAGE',
    `there is neither a path nor a package "${subject}" in ${image.label}`,
    {
      hint:
        meant === undefined
          ? 'Paths start at the root of the image: /app/package.json.'
          : `Did you mean ${meant}?`,
    },
  );
}
