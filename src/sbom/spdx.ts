import { VERSION } from '../version.ts';
import { type Bill, type BillFile, type Component, systemOf } from './bill.ts';
import { readLicense } from './license.ts';
import { spdxId, uuidOf } from './stable-id.ts';

const DOCUMENT = 'SPDXRef-DOCUMENT';
const IMAGE = 'SPDXRef-Image';
const SYSTEM = 'SPDXRef-OperatingSystem';

/**
 * A bill of materials as SPDX 2.3.
 *
 * @param created ISO 8601 without fractions of a second
 */
export function spdxOf(bill: Bill, created: string): object {
  const ids = new Map(bill.components.map(({ id }) => [id, spdxId('SPDXRef-Package', id)]));
  const files = (bill.files ?? []).map((file) => ({ id: spdxId('SPDXRef-File', file.path), ...file }));
  const texts = new Map<string, string>();
  const tool = `Tool: jettison-${VERSION}`;
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
      ...files.map(({ id, owner }) => ownedBy(id, (owner && ids.get(owner)) ?? IMAGE)),
    ],
    ...(bill.files !== undefined && { files: files.map(fileOf) }),
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
      ...{ downloadLocation: 'NOASSERTION', filesAnalyzed: false, primaryPackagePurpose: 'OPERATING_SYSTEM' },
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
  const checksums = [
    ...(one.sha256 === undefined ? [] : [{ algorithm: 'SHA256', checksumValue: one.sha256 }]),
    ...(one.sha512 === undefined ? [] : [{ algorithm: 'SHA512', checksumValue: one.sha512 }]),
  ];
  return {
    ...{ SPDXID, name: one.name, ...(one.version !== '' && { versionInfo: one.version }) },
    ...{ downloadLocation: 'NOASSERTION', filesAnalyzed: false, licenseConcluded: 'NOASSERTION' },
    ...{ licenseDeclared: declared(one.license, texts), copyrightText: 'NOASSERTION' },
    sourceInfo: `found at /${one.path}`,
    ...(checksums.length > 0 && { checksums }),
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

function fileOf({ id, path, sha256 }: BillFile & { id: string }): object {
  return {
    ...{ SPDXID: id, fileName: `./${path}`, copyrightText: 'NOASSERTION', licenseConcluded: 'NOASSERTION' },
    checksums: [{ algorithm: 'SHA256', checksumValue: sha256 }],
  };
}

/** `CONTAINS` is for packages whose `filesAnalyzed` is true, which demands a SHA-1 of each file. */
function ownedBy(file: string, owner: string): object {
  return { ...relation(file, 'OTHER', owner), comment: 'owned by' };
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
