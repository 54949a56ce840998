import { starMatcher } from '../fields/star-pattern.ts';
import type { Census, WasteReason } from '../inspect/census.ts';
import type { Inspection } from '../inspect/inspection.ts';
import { type Instruction, madeBy } from '../inspect/instructions.ts';
import { applyRules, type Ignored, type IgnoreRule } from '../scan/ignore-rules.ts';
import { type ConfigSecret, searchConfig } from '../secrets/config-search.ts';
import { kindTitle } from '../secrets/kind-titles.ts';
import { SECRET_SEVERITIES, type SecretSeverity } from '../secrets/secret-kind.ts';
import type { LayerSecrets, SecretsCompanion } from './layer-secrets.ts';
import { publisherOf } from './published.ts';

/** A layer, and the instruction that made it. */
export interface LayerPlace {
  /** Its position in the image, lowest first. */
  layer: number;
  instruction: Instruction | undefined;
}

/** A secret that everybody gets who pulls the image. */
export interface SecretFinding {
  /** The id of its kind. */
  kind: string;
  title: string;
  severity: SecretSeverity;
  /** Its first characters. The value is not kept. */
  masked: string;
  length: number;
  where: 'file' | ConfigSecret['where'];
  /** Of a file: relative to the root; of a variable, label or argument, its name. */
  name: string;
  /** Of a file: where in it. */
  line?: number;
  offset?: number;
  /** The layers that have it, lowest first; none of what is in the config. */
  addedBy: LayerPlace[];
  /** What the last of these layers has of it is not in the final tree: which one took it. */
  hiddenBy?: LayerPlace & { reason: WasteReason };
  /** Of the config: the instruction that says it, as far as that is known. */
  instruction?: Instruction;
  /** It comes from the base image. */
  isBase: boolean;
  /** The package that brings it to everybody: it is not a secret of this image. */
  publisher?: string;
}

/** The secrets of an image. */
export interface SecretsReport {
  inspection: Inspection;
  /** What was looked at, in layers. */
  searched: { layers: number; files: number; bytes: number };
  /** Worst first. */
  findings: SecretFinding[];
  /** Files of packages that everybody can install: keys for tests and examples. */
  published: SecretFinding[];
  /** Look like tokens, and have a wrong checksum. */
  forged: SecretFinding[];
  ignored: Ignored<SecretFinding>[];
  /** Found, and not listed. */
  more: number;
  /** Paths of files of which a part was not looked at. */
  partial: string[];
}

/**
 * What is in an inspected image that nobody should have: in every layer, whatever later layers hide, and in its config.
 *
 * @param secrets the companion of the inspection
 * @param rules what does not count, and why
 */
export function findSecrets(
  inspection: Inspection,
  secrets: SecretsCompanion,
  rules: readonly IgnoreRule[],
): SecretsReport {
  const layers = inspection.image.layers.map(({ diffId }) => secrets.of(diffId));
  const hidden = hiddenFiles(inspection.census);
  const inFiles = (list: 'secrets' | 'forged') => fileFindings(inspection, layers, list, hidden);
  const all = [...inFiles('secrets'), ...configFindings(inspection)].sort(worstFirst);
  const own = all.filter(({ publisher }) => publisher === undefined);
  const { findings, ignored } = applyRules(own, rules, namesSecretFinding);
  return {
    ...{ inspection, findings, ignored },
    searched: {
      layers: layers.length,
      files: layers.reduce((sum, { files }) => sum + files, 0),
      bytes: layers.reduce((sum, { bytes }) => sum + bytes, 0),
    },
    published: all.filter(({ publisher }) => publisher !== undefined),
    forged: inFiles('forged').filter(({ publisher }) => publisher === undefined),
    more: layers.reduce((sum, { more }) => sum + more, 0),
    partial: layers.flatMap(({ partial }) => partial),
  };
}

/** How many findings there are of each severity. */
export function countSecrets(findings: readonly SecretFinding[]): Record<SecretSeverity, number> {
  const counts = { critical: 0, high: 0, medium: 0, low: 0 };
  for (const { severity } of findings) counts[severity]++;
  return counts;
}

/** Whether a rule names the kind of a finding, and its path or name: `*` stands for any characters. */
function namesSecretFinding({ id, package: place }: IgnoreRule, { kind, name }: SecretFinding): boolean {
  if (id !== kind) return false;
  if (place === undefined) return true;
  return starMatcher(place.replace(/^\//, ''))(name);
}

function fileFindings(
  { census, instructions, base }: Inspection,
  layers: readonly LayerSecrets[],
  list: 'secrets' | 'forged',
  hidden: HiddenFiles,
): SecretFinding[] {
  const found = new Map<string, SecretFinding>();
  for (const [layer, { [list]: secrets }] of layers.entries()) {
    for (const secret of secrets) {
      const { path, kind, masked, length, offset, line } = secret;
      const key = [path, kind, masked, length, offset].join('\0');
      const place = { layer, instruction: madeBy(instructions, layer) };
      const waste = hidden.get(`${layer}\0${path}`);
      const earlier = found.get(key);
      const finding: SecretFinding = earlier ?? {
        ...{ kind, ...kindTitle(kind)!, masked, length, where: 'file', name: path, offset },
        ...(line !== undefined && { line }),
        ...{ addedBy: [], isBase: layer < (base?.layers ?? 0) },
        ...publisherFact(census, path, layer),
      };
      finding.addedBy.push(place);
      delete finding.hiddenBy;
      if (waste !== undefined) {
        const { by, reason } = waste;
        finding.hiddenBy = { layer: by, instruction: madeBy(instructions, by), reason };
      }
      found.set(key, finding);
    }
  }
  return [...found.values()];
}

/** By layer and path: which layer hides a file of another. */
type HiddenFiles = ReadonlyMap<string, { by: number; reason: WasteReason }>;

function hiddenFiles({ waste }: Census): HiddenFiles {
  return new Map(waste.map(({ layer, path, by, reason }) => [`${layer}\0${path}`, { by, reason }]));
}

function publisherFact(census: Census, path: string, layer: number): Partial<SecretFinding> {
  const publisher = publisherOf(census, path, layer);
  return publisher === undefined ? {} : { publisher, severity: 'low' };
}

function configFindings({ image, instructions, base }: Inspection): SecretFinding[] {
  return searchConfig(image.config).map(({ kind, masked, length, where, name, history }) => {
    const instruction = history === undefined ? settingOf(instructions, name) : instructions[history];
    const layers = base?.layers ?? 0;
    const before = instruction && instructions.slice(0, instructions.indexOf(instruction) + 1);
    const isBase =
      before?.every(({ layer = 0 }) => layer < layers) === true &&
      instruction?.location === undefined &&
      layers > 0;
    return {
      ...{ kind, ...kindTitle(kind)!, masked, length, where, isBase, addedBy: [] },
      name: name ?? instruction?.keyword ?? '',
      ...(instruction && { instruction }),
    };
  });
}

/** The last instruction that sets a variable, a label or a command. */
function settingOf(instructions: readonly Instruction[], name = ''): Instruction | undefined {
  const keywords: Record<string, string> = {
    Cmd: 'CMD',
    Entrypoint: 'ENTRYPOINT',
    Healthcheck: 'HEALTHCHECK',
  };
  return instructions.findLast(({ keyword, text }) =>
    keywords[name] === undefined
      ? (keyword === 'ENV' || keyword === 'LABEL') && text.includes(name)
      : keyword === keywords[name],
  );
}

function worstFirst(a: SecretFinding, b: SecretFinding): number {
  const level = ({ severity }: SecretFinding) => SECRET_SEVERITIES.indexOf(severity);
  return (
    level(a) - level(b) ||
    (a.addedBy[0]?.layer ?? -1) - (b.addedBy[0]?.layer ?? -1) ||
    (a.name < b.name ? -1 : a.name > b.name ? 1 : (a.offset ?? 0) - (b.offset ?? 0))
  );
}
