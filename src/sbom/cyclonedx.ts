import { VERSION } from '../version.ts';
import { type Bill, type BillFile, type Component, systemOf } from './bill.ts';
import { readLicense } from './license.ts';
import { uuidOf } from './stable-id.ts';

/**
 * A bill of materials as CycloneDX 1.6.
 *
 * @param created ISO 8601 without fractions of a second
 */
export function cycloneDxOf(bill: Bill, created: string): object {
  const image = `image:${bill.image.digest}`;
  const known = new Set(bill.components.map(({ id }) => id));
  /** The component of the bill that something is in; else the image. */
  const around = (id: string | undefined) => (id !== undefined && known.has(id) ? id : image);
  const parts = grouped(bill.components, ({ partOf }) => around(partOf));
  const files = grouped(bill.files ?? [], ({ owner }) => around(owner));
  const top = parts.get(image) ?? [];
  const needed = new Set(bill.components.flatMap(({ requires }) => requires));
  const inside = (id: string): object[] => [
    ...(parts.get(id) ?? []).map((one) => {
      const inner = inside(one.id);
      return { ...componentOf(one), ...(inner.length > 0 && { components: inner }) };
    }),
    ...(files.get(id) ?? []).map(fileComponent),
  ];
  const document = {
    ...{ bomFormat: 'CycloneDX', specVersion: '1.6', version: 1 },
    metadata: {
      timestamp: created,
      tools: { components: [{ type: 'application', name: 'jettison', version: VERSION }] },
      component: {
        ...{ 'bom-ref': image, type: 'container', name: bill.image.label, version: bill.image.digest },
        properties: [{ name: 'jettison:imageId', value: bill.image.id }],
      },
    },
    components: [...systemComponent(bill), ...inside(image)],
    dependencies: [
      { ref: image, dependsOn: top.flatMap(({ id }) => (needed.has(id) ? [] : [id])) },
      ...bill.components.map(({ id, requires }) => ({ ref: id, dependsOn: requires })),
    ],
  };
  return { serialNumber: `urn:uuid:${uuidOf(JSON.stringify(document))}`, ...document };
}

function grouped<T>(all: readonly T[], key: (one: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const one of all) {
    const group = groups.get(key(one));
    if (group === undefined) groups.set(key(one), [one]);
    else group.push(one);
  }
  return groups;
}

function systemComponent(bill: Bill): object[] {
  const system = systemOf(bill);
  if (system === undefined) return [];
  const { name, version, text: description } = system;
  const type = 'operating-system';
  return [
    { 'bom-ref': `os:${name}@${version}`, type, name, ...(version !== '' && { version }), description },
  ];
}

function componentOf(one: Component): object {
  const { version, properties, license } = one;
  const isLibrary = one.kind !== 'application' && (one.kind !== 'runtime' || one.partOf !== undefined);
  const hashes = [
    ...(one.sha256 === undefined ? [] : [{ alg: 'SHA-256', content: one.sha256 }]),
    ...(one.sha512 === undefined ? [] : [{ alg: 'SHA-512', content: one.sha512 }]),
  ];
  const context = [properties['jettison:layer:diffId'], properties['jettison:dockerfile']];
  return {
    ...{ 'bom-ref': one.id, type: isLibrary ? 'library' : 'application', name: one.name },
    ...(version !== '' && { version }),
    ...(one.tool && one.type === 'npm' ? { scope: 'excluded' } : one.dev && { scope: 'optional' }),
    ...(hashes.length > 0 && { hashes }),
    ...(license !== undefined && { licenses: [licenseOf(license)] }),
    ...(one.cpe !== undefined && { cpe: one.cpe }),
    ...(one.purl !== undefined && { purl: one.purl }),
    properties: Object.entries(properties).map(([name, value]) => ({ name, value })),
    evidence: {
      occurrences: [{ location: `/${one.path}`, additionalContext: context.filter(Boolean).join(' ') }],
    },
  };
}

function fileComponent({ path, sha256 }: BillFile): object {
  return {
    ...{ 'bom-ref': `file:/${path}`, type: 'file', name: `/${path}` },
    hashes: [{ alg: 'SHA-256', content: sha256 }],
  };
}

function licenseOf(license: string): object {
  const { isExpression, isId } = readLicense(license);
  if (isId) return { license: { id: license } };
  return isExpression ? { expression: license } : { license: { name: license } };
}
