import { type Bill, type Component, type Origin, systemOf } from './bill.ts';
import { readLicense } from './license.ts';
import { spdxId, uuidOf } from './stable-id.ts';

const DOCUMENT = 'SPDXRef-DOCUMENT';
const IMAGE = 'SPDXRef-Image';
const SYSTEM = 'SPDXRef-OperatingSystem';

/** A bill of materials as SPDX 2.3. */
export function spdxOf(bill: Bill, { created, version }: Origin): object {
  const ids = new Map(bill.components.map(({ id }) => [id, spdxId('SPDXRef-Package', id)]));
  const texts = new Map<string, string>();
  const tool = `Tool: jettison-${version}`;
  const document = {
    ...{ spdxVersion: 'SPDX-2.3', dataLicense: 'CC0-1.0', SPDXID: DOCUMENT, name: bill.image.label },
    creationInfo: { created, creators: [tool] },
    packages: [
      {
        ...{ SPDXID: IMAGE, name: bill.image.label, versionInfo: bill.image.digest },
        ...{ downloadLocation: 'NOASSERTION', filesAnalyzed: false, primaryPackagePurpose: 'CONTAINER' },
        checksums: [{ algorithm: 'SHA256', checksumValue: bill.image.digest.replace('sha256:', '') }],
      },
      ...systemPackage(bill),
      ...bill.components.map((one) => packageOf(one, ids.get(one.id)!, texts, { created, tool })),
    ],
    relationships: [
      relation(DOCUMENT, 'DESCRIBES', IMAGE),
      ...(systemOf(bill) === undefined ? [] : [relation(IMAGE, 'CONTAINS', SYSTEM)]),
      ...bill.components.flatMap(({ id, partOf, requires }) => [
        relation(partOf === undefined ? IMAGE : (ids.get(partOf) ?? IMAGE), 'CONTAINS', ids.get(id)!),
        ...requires.map((other) => relation(ids.get(id)!, 'DEPENDS_ON', ids.get(other)!)),
      ]),
    ],
    ...(texts.size > 0 && {
      hasExtractedLicensingInfos: [...texts].map(([licenseId, text]) => ({
        licenseId,
        name: text,
        extractedText: text,
      })),
    }),
  };
  return {
    ...document,
    documentNamespace: `urn:uuid:${uuidOf(JSON.stringify(document))}`,
  };
}

function systemPackage(bill: Bill): object[] {
  const system = systemOf(bill);
  if (system === undefined) return [];
  const { name, version, text: summary } = system;
  return [
    {
      ...{ SPDXID: SYSTEM, name, ...(version !== '' && { versionInfo: version }), summary },
      ...{ downloadLocation: 'NOASSERTION', filesAnalyzed: false, primaryPackagePurpose: 'OPERATING-SYSTEM' },
    },
  ];
}

function packageOf(
  one: Component,
  SPDXID: string,
  texts: Map<string, string>,
  { created, tool }: { created: string; tool: string },
): object {
  const references = [
    ...(one.purl === undefined ? [] : [['PACKAGE-MANAGER', 'purl', one.purl]]),
    ...(one.cpe === undefined ? [] : [['SECURITY', 'cpe23Type', one.cpe]]),
  ];
  return {
    ...{ SPDXID, name: one.name, ...(one.version !== '' && { versionInfo: one.version }) },
    ...{ downloadLocation: 'NOASSERTION', filesAnalyzed: false, licenseConcluded: 'NOASSERTION' },
    ...{ licenseDeclared: declared(one.license, texts), copyrightText: 'NOASSERTION' },
    sourceInfo: `found at /${one.path}`,
    ...(one.sha256 !== undefined && { checksums: [{ algorithm: 'SHA256', checksumValue: one.sha256 }] }),
    ...(references.length > 0 && {
      externalRefs: references.map(([referenceCategory, referenceType, referenceLocator]) => ({
        ...{ referenceCategory, referenceType, referenceLocator },
      })),
    }),
    annotations: [
      {
        ...{ annotationType: 'OTHER', annotator: tool, annotationDate: created },
        comment: JSON.stringify(one.properties),
      },
    ],
  };
}

function declared(license: string | undefined, texts: Map<string, string>): string {
  if (license === undefined) return 'NOASSERTION';
  if (readLicense(license).isExpression) return license;
  const id = spdxId('LicenseRef', license);
  texts.set(id, license);
  return id;
}

function relation(spdxElementId: string, relationshipType: string, relatedSpdxElement: string): object {
  return { spdxElementId, relationshipType, relatedSpdxElement };
}
