import type { Inspection } from '../inspect/inspection.ts';
import { bareId, type Package } from '../inspect/package.ts';
import { type PlacedPackage, placedPackages } from '../scan/owned.ts';
import { cpeOf } from './cpe.ts';

/** A package in a bill of materials. */
export interface Component extends Pick<Package, 'id' | 'type' | 'name' | 'version' | 'kind' | 'path'> {
  purl?: string;
  cpe?: string;
  license?: string;
  /** Digest of a package that is one file: 64 hexadecimal digits. */
  sha256?: string;
  /** Digest of the archive that a package was installed from, as a lock file of the image says: 128 hexadecimal digits. */
  sha512?: string;
  /** A package manager or a module of one, which the application does not load. */
  tool: boolean;
  dev: boolean;
  partOf?: string;
  /** Ids of components of the same bill, sorted. */
  requires: string[];
  /** `jettison:…`: layer, instruction and stage that added it. */
  properties: Record<string, string>;
}

/** A file of the final tree. */
export interface BillFile {
  /** Relative to the image's root. */
  path: string;
  sha256: string;
  /** Id of the component that owns it; absent: no package does. */
  owner?: string;
}

/** The content of a bill of materials, for all formats. */
export interface Bill {
  version: 1;
  image: { label: string; id: string; digest: string };
  distribution?: Inspection['distribution'];
  /** Sorted by id. */
  components: Component[];
  /** In canonical order; on demand. */
  files?: BillFile[];
}

/** The distribution as a component; undefined if the image does not name it. */
export function systemOf({
  distribution,
}: Bill): { name: string; version: string; text: string } | undefined {
  if (distribution === undefined) return undefined;
  const { id, version = '', name = `${id} ${version}`.trim() } = distribution;
  return { name: id, version, text: name };
}

/** Types whose packages may be a single file, at their path. */
const SINGLE_FILES = new Set(['generic', 'golang', 'cargo', 'maven']);

/** @param files list every file with its owner, too */
export function billOf(inspection: Inspection, { files }: { files: boolean }): Bill {
  const { image, census, distribution } = inspection;
  const byBareId = new Map<string, string>();
  for (const { id } of census.packages.values()) {
    if (!byBareId.has(bareId(id))) byBareId.set(bareId(id), id);
  }
  const known = (id: string) => (census.packages.has(id) ? id : byBareId.get(id));
  return {
    version: 1,
    image: { label: image.label, id: image.id, digest: image.descriptor.digest },
    ...(distribution !== undefined && { distribution }),
    components: placedPackages(inspection)
      .map((placed) => componentOf(placed, inspection, known))
      .sort((a, b) => (a.id < b.id ? -1 : 1)),
    ...(files && { files: [...filesOf(census)] }),
  };
}

/** Files with content, each name of a hard link; no links and devices. */
function* filesOf({ leaves }: Inspection['census']): Generator<BillFile> {
  for (const { path, content, owner } of leaves.values()) {
    if (content?.digest === undefined) continue;
    yield { path, sha256: content.digest, ...(owner !== undefined && { owner: owner.id }) };
  }
}

function componentOf(
  placed: PlacedPackage,
  { image, census }: Inspection,
  known: (id: string) => string | undefined,
): Component {
  const {
    id,
    type,
    name,
    version,
    kind,
    path,
    purl,
    license,
    dev,
    partOf,
    requires = [],
    sha512,
  } = placed.package;
  const leaf = SINGLE_FILES.has(type) ? census.leaf(path) : undefined;
  const sha256 = leaf?.owner === placed.package ? leaf.content?.digest : undefined;
  const cpe = cpeOf(type, name, version);
  const { text = '', location, stage } = placed.instruction ?? {};
  return {
    ...{ id, type, name, version, kind, path, tool: kind === 'tool', dev: dev ?? false },
    ...(purl !== undefined && { purl }),
    ...(cpe !== undefined && { cpe }),
    ...(license !== undefined && license !== '' && { license }),
    ...(sha256 !== undefined && { sha256 }),
    ...(sha512 !== undefined && { sha512 }),
    ...(partOf !== undefined && { partOf }),
    requires: [...new Set(requires.flatMap((one) => known(one) ?? []))].filter((one) => one !== id).sort(),
    properties: {
      'jettison:kind': kind,
      'jettison:layer:diffId': image.layers[placed.layer]?.diffId ?? '',
      'jettison:layer:base': String(placed.isBase),
      ...(text !== '' && { 'jettison:instruction': text }),
      ...(location !== undefined && { 'jettison:dockerfile': `${location.file}:${location.line}` }),
      ...(stage !== undefined && { 'jettison:stage': stage }),
    },
  };
}
