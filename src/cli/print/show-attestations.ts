import { PREDICATE } from '../../attest/in-toto.ts';
import { isAbout } from '../../attest/read-statement.ts';
import { JettisonError } from '../../errors/error.ts';
import { visible } from '../../errors/safe-text.ts';
import { size } from '../../events/units.ts';
import { formatPlatform, hostPlatform } from '../../image/platform.ts';
import type { Platform } from '../../image/types.ts';
import { type AttachedStatement, type AttestedImage, attestedImages } from '../../images/attached.ts';
import type { ImageDocuments } from '../../images/documents.ts';
import type { Io } from '../command.ts';
import { forOutput, printList } from './list-output.ts';
import { compileTemplate } from './template/compile.ts';
import { toJson, type Value } from './template/values.ts';

/** Types of provenance: also of version 0.2, which older builders write. */
const PROVENANCE_TYPES = 'https://slsa.dev/provenance/';

interface Choice {
  show?: string | undefined;
  format?: string | undefined;
  platform?: Platform | undefined;
}

/**
 * Prints the attestations of an image: a list, what one of them says, or a template.
 *
 * @throws JettisonError `ATTESTATION_MISSING`
 */
export async function showAttestations(
  documents: ImageDocuments,
  { show, format, platform }: Choice,
  io: Io,
): Promise<void> {
  const all = await attestedImages(documents);
  const images =
    platform === undefined ? all : all.filter((one) => one.platform === formatPlatform(platform));
  if (images.length === 0) throw missing(documents.label, `for ${formatPlatform(platform!)}`, all);
  if (show !== undefined) {
    const { image, statement } = findStatement(images, show, documents.label);
    const text = toJson(await predicateOf(statement, image, io), 2);
    io.stdout.write(`${forOutput(io, text)}\n`);
  } else if (format !== undefined && format !== 'json') {
    const template = compileTemplate(format);
    io.stdout.write(`${forOutput(io, template(await templateValue(documents, images, io)))}\n`);
  } else list(images, format, io);
}

function list(images: readonly AttestedImage[], format: string | undefined, io: Io): void {
  const rows = images.flatMap(({ platform, descriptor, statements }) =>
    statements.map(({ predicateType, blob }) => ({
      Platform: platform,
      Type: predicateType,
      Size: size(blob.size),
      Digest: blob.digest,
      Image: descriptor.digest,
    })),
  );
  printList(
    io,
    {
      columns: [
        ['Platform', 'PLATFORM'],
        ['Type', 'TYPE'],
        ['Size', 'SIZE'],
        ['Digest', 'DIGEST'],
      ],
      more: ['Image'],
      ...{ rows, shrink: ['DIGEST'], facts: rows },
    },
    { format },
  );
}

/** Of several images that of this machine's platform, else the first that has such an attestation. */
function findStatement(images: readonly AttestedImage[], show: string, label: string) {
  const machine = formatPlatform(hostPlatform());
  const ordered = [...images].sort((a, b) => Number(b.platform === machine) - Number(a.platform === machine));
  for (const image of ordered) {
    const statement = image.statements.find(({ predicateType }) => isOfType(predicateType, show));
    if (statement !== undefined) return { image, statement };
  }
  throw missing(label, `of the type ${show}`, images);
}

function isOfType(predicateType: string, show: string): boolean {
  if (show === 'sbom') return predicateType === PREDICATE.sbom;
  if (show === 'provenance') return predicateType.startsWith(PROVENANCE_TYPES);
  return predicateType === show;
}

/** A statement about something else is shown all the same, with a warning. */
async function predicateOf(
  statement: AttachedStatement,
  { descriptor }: AttestedImage,
  io: Io,
): Promise<object> {
  const read = await statement.read();
  if (!isAbout(read, descriptor.digest)) {
    io.stderr.write(
      `warning: ${visible(statement.predicateType)} is not about ${descriptor.digest}, to which it is attached\n`,
    );
  }
  return read.predicate;
}

/** The members that `docker buildx imagetools inspect` has; of several platforms each is by platform. */
async function templateValue(
  { label, target }: ImageDocuments,
  images: readonly AttestedImage[],
  io: Io,
): Promise<Value> {
  const sboms: Record<string, unknown> = {};
  const provenances: Record<string, unknown> = {};
  for (const image of images) {
    const find = (show: string) => image.statements.find((one) => isOfType(one.predicateType, show));
    const [sbom, provenance] = [find('sbom'), find('provenance')];
    if (sbom !== undefined) sboms[image.platform] = { SPDX: await predicateOf(sbom, image, io) };
    if (provenance !== undefined)
      provenances[image.platform] = { SLSA: await predicateOf(provenance, image, io) };
  }
  const alone = (values: Record<string, unknown>) =>
    images.length === 1 ? (Object.values(values)[0] ?? {}) : values;
  return {
    Name: label,
    Manifest: target,
    Provenance: alone(provenances),
    SBOM: alone(sboms),
    Attestations: images.flatMap(({ platform, statements }) =>
      statements.map(({ predicateType, blob }) => ({
        Platform: platform,
        Type: predicateType,
        Digest: blob.digest,
        Size: blob.size,
      })),
    ),
  } as unknown as Value;
}

function missing(label: string, what: string, images: readonly AttestedImage[]): JettisonError {
  const types = images.flatMap(({ platform, statements }) =>
    statements.map(({ predicateType }) => `${predicateType} (${platform})`),
  );
  return new JettisonError('ATTESTATION_MISSING', `${label} has no attestation ${what}`, {
    hint:
      types.length === 0
        ? 'It has none: `jettison attest --sbom` adds an SBOM, `jettison build --provenance` makes provenance.'
        : `It has ${[...new Set(types)].join(', ')}.`,
  });
}
