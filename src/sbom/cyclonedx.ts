import { type Bill, type Component, type Origin, systemOf } from './bill.ts';
import { readLicense } from './license.ts';
import { uuidOf } from './stable-id.ts';

/** A bill of materials as CycloneDX 1.6. */
export function cycloneDxOf(bill: Bill, { created, version }: Origin): object {
  const image = `image:${bill.image.digest}`;
  const known = new Set(bill.components.map(({ id }) => id));
  const parts = new Map<string, Component[]>();
  const top: Component[] = [];
  for (const one of bill.components) {
    if (one.partOf === undefined || !known.has(one.partOf)) top.push(one);
    else parts.set(one.partOf, [...(parts.get(one.partOf) ?? []), one]);
  }
  const needed = new Set(bill.components.flatMap(({ requires }) => requires));
  const nested = (one: Component): object => {
    const inner = parts.get(one.id);
    return { ...componentOf(one), ...(inner !== undefined && { components: inner.map(nested) }) };
  };
  const document = {
    ...{ bomFormat: 'CycloneDX', specVersion: '1.6', version: 1 },
    metadata: {
      timestamp: created,
      tools: { components: [{ type: 'application', name: 'jettison', version }] },
      component: {
        ...{ 'bom-ref': image, type: 'container', name: bill.image.label, version: bill.image.digest },
        properties: [{ name: 'jettison:imageId', value: bill.image.id }],
      },
    },
    components: [...systemComponent(bill), ...top.map(nested)],
    dependencies: [
      { ref: image, dependsOn: top.flatMap(({ id }) => (needed.has(id) ? [] : [id])) },
      ...bill.components.map(({ id, requires }) => ({ ref: id, dependsOn: requires })),
    ],
  };
  return { serialNumber: `urn:uuid:${uuidOf(JSON.stringify(document))}`, ...document };
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
  const context = [properties['jettison:layer:diffId'], properties['jettison:dockerfile']];
  return {
    ...{ 'bom-ref': one.id, type: isLibrary ? 'library' : 'application', name: one.name },
    ...(version !== '' && { version }),
    ...(one.tool && one.type === 'npm' ? { scope: 'excluded' } : one.dev && { scope: 'optional' }),
    ...(one.sha256 !== undefined && { hashes: [{ alg: 'SHA-256', content: one.sha256 }] }),
    ...(license !== undefined && { licenses: [licenseOf(license)] }),
    ...(one.cpe !== undefined && { cpe: one.cpe }),
    ...(one.purl !== undefined && { purl: one.purl }),
    properties: Object.entries(properties).map(([name, value]) => ({ name, value })),
    evidence: {
      occurrences: [{ location: `/${one.path}`, additionalContext: context.filter(Boolean).join(' ') }],
    },
  };
}

function licenseOf(license: string): object {
  const { isExpression, isId } = readLicense(license);
  if (isId) return { license: { id: license } };
  return isExpression ? { expression: license } : { license: { name: license } };
}
