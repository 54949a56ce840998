import type { Inspection } from '../inspect/inspection.ts';
import { type Instruction, madeBy } from '../inspect/instructions.ts';
import { bytesOf } from '../inspect/leaf.ts';
import type { Kind, Package } from '../inspect/package.ts';

/** A package with where it is in the image: what a finding says of it. */
export interface PlacedPackage {
  package: Package;
  /** The program or archive that it is in, where it is a part of one. */
  within?: Package;
  /** The layer that most of its bytes are in: a position in the image, lowest first. */
  layer: number;
  instruction: Instruction | undefined;
  /** The layer is one of the base image. */
  isBase: boolean;
  /** What it is for the image: that of what it is a part of. */
  kind: Kind;
}

/** All packages of an image, with the layer that each is in. */
export function placedPackages({ census, instructions, base }: Inspection): PlacedPackage[] {
  const bytes = new Map<Package, Map<number, number>>();
  for (const leaf of census.leaves.values()) {
    if (leaf.owner === undefined) continue;
    const layers = bytes.get(leaf.owner) ?? new Map<number, number>();
    layers.set(leaf.layer, (layers.get(leaf.layer) ?? 0) + bytesOf(leaf) + 1);
    bytes.set(leaf.owner, layers);
  }
  return [...census.packages.values()].map((one) => {
    const outer = outermost(one, census.packages);
    const layer = largest(bytes.get(outer) ?? bytes.get(one)) ?? layerOf(census, one.path);
    return {
      package: one,
      ...(outer !== one && { within: outer }),
      ...{ layer, instruction: madeBy(instructions, layer), isBase: layer < (base?.layers ?? 0) },
      kind: outer.kind,
    };
  });
}

/** A jar in a jar is a part of a part. */
function outermost(one: Package, packages: ReadonlyMap<string, Package>): Package {
  let at = one;
  // The parts of a package come from its own archive: there is no circle, but a bound costs nothing.
  for (let depth = 0; at.partOf !== undefined && depth < 16; depth++) at = packages.get(at.partOf) ?? at;
  return at;
}

function largest(layers: ReadonlyMap<number, number> | undefined): number | undefined {
  return layers && [...layers].reduce((best, one) => (one[1] > best[1] ? one : best))[0];
}

function layerOf(census: Inspection['census'], path: string): number {
  return census.get(path)?.layer ?? 0;
}
