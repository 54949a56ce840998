import type { Instruction } from '../inspect/instructions.ts';
import { withoutSecrets } from '../secrets/masked-text.ts';
import type { SecretSeverity } from '../secrets/secret-kind.ts';
import { countSecrets, type LayerPlace, type SecretFinding, type SecretsReport } from './find-secrets.ts';

/** An instruction, and the layer that it made: a position in the image, lowest first. */
export interface SecretPlace {
  layer?: number;
  diffId?: string;
  /** Of the packed form: what is pulled. */
  digest?: string;
  instruction?: string;
  file?: string;
  line?: number;
}

/** A finding as `jettison secrets --format json` has it. */
export interface FoundSecret {
  kind: string;
  title: string;
  severity: SecretSeverity;
  /** The first characters of the value, of which no more is ever shown, and how long it is. */
  masked: string;
  length: number;
  /** `file`, `variable`, `label`, `command`, `argument` or `history`. */
  where: SecretFinding['where'];
  /** The path of a file, relative to the root; else the name of a variable, label or argument. */
  name: string;
  line?: number;
  offset?: number;
  /** It can be seen in the final image. */
  visible: boolean;
  base: boolean;
  addedBy: SecretPlace[];
  hiddenBy?: SecretPlace & { reason: string };
  /** The package that brings it to everybody. */
  publisher?: string;
}

/** What `jettison secrets --format json` prints. Members are only ever added; another meaning raises `version`. */
export interface SecretsDocument {
  version: 1;
  image: { label: string; digest: string; id: string };
  searched: { layers: number; files: number; bytes: number };
  counts: Record<SecretSeverity, number>;
  /** Worst first. */
  findings: FoundSecret[];
  /** In files that packages bring to everybody: keys for tests and examples. They do not count. */
  published: FoundSecret[];
  /** Look like tokens, and have a wrong checksum: nobody has issued them. They do not count. */
  forged: FoundSecret[];
  ignored: (FoundSecret & { reason: string; until?: string; from: string })[];
  /** Found beyond the limits of a file or layer, and not listed. */
  more: number;
  /** Files of which a part was not looked at. */
  partial: string[];
}

export function secretsDocument(report: SecretsReport): SecretsDocument {
  const { inspection, searched, findings, published, forged, ignored, more, partial } = report;
  const { label, descriptor, id } = inspection.image;
  const found = (finding: SecretFinding) => foundOf(finding, report);
  return {
    version: 1,
    image: { label, digest: descriptor.digest, id },
    ...{ searched, counts: countSecrets(findings) },
    ...{ findings: findings.map(found), published: published.map(found), forged: forged.map(found) },
    ignored: ignored.map(({ finding, rule: { reason = '', until, from } }) => ({
      ...{ ...found(finding), reason, from },
      ...(until !== undefined && { until }),
    })),
    ...{ more, partial },
  };
}

function foundOf(finding: SecretFinding, { inspection }: SecretsReport): FoundSecret {
  const { addedBy, hiddenBy, instruction, isBase, ...rest } = finding;
  const place = ({ layer, instruction: made }: LayerPlace): SecretPlace => {
    const { diffId, blob } = inspection.image.layers[layer]!;
    return { layer, diffId, digest: blob.digest, ...instructionFacts(made) };
  };
  return {
    ...rest,
    ...{ visible: hiddenBy === undefined, base: isBase },
    addedBy:
      addedBy.length > 0
        ? addedBy.map(place)
        : instruction === undefined
          ? []
          : [instructionFacts(instruction)],
    ...(hiddenBy && { hiddenBy: { ...place(hiddenBy), reason: hiddenBy.reason } }),
  };
}

/** @returns its text without build arguments and values of variables, which may be the secret */
function instructionFacts(instruction: Instruction | undefined): SecretPlace {
  if (instruction === undefined || instruction.text === '') return {};
  const { location } = instruction;
  return {
    instruction: withoutSecrets(instruction.text),
    ...(location && { file: location.file, line: location.line }),
  };
}
