import { Ajv } from 'ajv';

/**
 * The rules of SPDX 2.3 (https://spdx.github.io/spdx-spec/v2.3) for the members that Jettison writes; all others are
 * refused. Values of enumerations as its JSON form spells them: `OPERATING_SYSTEM`.
 */
const text = { type: 'string', minLength: 1 };
const time = { type: 'string', pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ$' };
const license = { type: 'string', pattern: '^(NONE|NOASSERTION|[A-Za-z0-9(][A-Za-z0-9.+() -]*)$' };
const one = (...values: string[]) => ({ enum: values });
const list = (items: object) => ({ type: 'array', items });
const members = (required: Record<string, object>, optional: Record<string, object> = {}) => ({
  ...{ type: 'object', additionalProperties: false },
  ...{ required: Object.keys(required), properties: { ...required, ...optional } },
});

const PURPOSES = [
  ...['APPLICATION', 'FRAMEWORK', 'LIBRARY', 'CONTAINER', 'OPERATING_SYSTEM', 'DEVICE', 'FIRMWARE'],
  ...['SOURCE', 'ARCHIVE', 'FILE', 'INSTALL', 'OTHER'],
];
const id = { type: 'string', pattern: '^SPDXRef-[A-Za-z0-9.-]+$' };
const checksums = {
  ...list({
    oneOf: [
      members({ algorithm: one('SHA256'), checksumValue: { type: 'string', pattern: '^[0-9a-f]{64}$' } }),
      members({ algorithm: one('SHA512'), checksumValue: { type: 'string', pattern: '^[0-9a-f]{128}$' } }),
    ],
  }),
  minItems: 1,
};
const reference = {
  oneOf: [
    members({
      referenceCategory: one('PACKAGE-MANAGER'),
      referenceType: one('purl'),
      referenceLocator: { type: 'string', pattern: '^pkg:[a-z]+/\\S+$' },
    }),
    members({
      referenceCategory: one('SECURITY'),
      referenceType: one('cpe23Type'),
      referenceLocator: { type: 'string', pattern: '^cpe:2\\.3:a:\\S+$' },
    }),
  ],
};
const annotation = members({
  annotationType: one('OTHER', 'REVIEW'),
  annotator: { type: 'string', pattern: '^(Tool|Person|Organization): .' },
  annotationDate: time,
  comment: text,
});
const packageOf = members(
  { SPDXID: id, name: text, downloadLocation: one('NOASSERTION', 'NONE'), filesAnalyzed: { const: false } },
  {
    ...{ versionInfo: text, summary: text, sourceInfo: text, primaryPackagePurpose: one(...PURPOSES) },
    ...{ licenseConcluded: license, licenseDeclared: license, copyrightText: text, checksums },
    ...{ externalRefs: list(reference), annotations: list(annotation) },
  },
);
const file = members(
  { SPDXID: id, fileName: { type: 'string', pattern: '^\\./.' }, checksums },
  { copyrightText: text, licenseConcluded: license },
);
const relationship = members(
  {
    spdxElementId: id,
    relationshipType: one('DESCRIBES', 'CONTAINS', 'DEPENDS_ON', 'OTHER'),
    relatedSpdxElement: id,
  },
  { comment: text },
);

const validate = new Ajv({ allErrors: true }).compile(
  members(
    {
      ...{ spdxVersion: { const: 'SPDX-2.3' }, dataLicense: { const: 'CC0-1.0' }, name: text },
      SPDXID: { const: 'SPDXRef-DOCUMENT' },
      documentNamespace: { type: 'string', pattern: '^[a-z]+:[^#]+$' },
      creationInfo: members({
        created: time,
        creators: list({ type: 'string', pattern: '^Tool: [a-z]+-\\d' }),
      }),
      ...{ packages: list(packageOf), relationships: list(relationship) },
    },
    {
      files: list(file),
      hasExtractedLicensingInfos: list(
        members(
          { licenseId: { type: 'string', pattern: '^LicenseRef-[A-Za-z0-9.-]+$' }, extractedText: text },
          { name: text },
        ),
      ),
    },
  ),
);

interface Document {
  SPDXID: string;
  packages: { SPDXID: string; licenseDeclared?: string }[];
  files?: { SPDXID: string }[];
  relationships: { spdxElementId: string; relationshipType: string; relatedSpdxElement: string }[];
  hasExtractedLicensingInfos?: { licenseId: string }[];
}

/** What a document does against SPDX 2.3; empty: nothing. */
export function spdxViolations(value: unknown): string[] {
  const holds: boolean = validate(value);
  if (!holds) return validate.errors!.map(({ instancePath, message }) => `${instancePath} ${message}`);
  const document = value as Document;
  const elements = [document, ...document.packages, ...(document.files ?? [])].map(({ SPDXID }) => SPDXID);
  const known = new Set(elements);
  const files = new Set((document.files ?? []).map(({ SPDXID }) => SPDXID));
  const licenses = new Set((document.hasExtractedLicensingInfos ?? []).map(({ licenseId }) => licenseId));
  return [
    ...(known.size < elements.length ? ['an id stands twice'] : []),
    ...document.relationships.flatMap(({ spdxElementId, relationshipType, relatedSpdxElement }) => [
      ...[spdxElementId, relatedSpdxElement]
        .filter((one) => !known.has(one))
        .map((one) => `a relationship names ${one}, which is not there`),
      ...(relationshipType === 'CONTAINS' && files.has(relatedSpdxElement)
        ? [`${spdxElementId} contains a file, and its filesAnalyzed is false`]
        : []),
    ]),
    ...document.packages.flatMap(({ licenseDeclared = '' }) =>
      [...licenseDeclared.matchAll(/LicenseRef-[A-Za-z0-9.-]+/g)]
        .filter(([one]) => !licenses.has(one))
        .map(([one]) => `${one} has no text`),
    ),
  ];
}
