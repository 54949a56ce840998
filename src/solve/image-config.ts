import type { HistoryEntry, ImageConfig } from '../image/types.ts';
import { OCI_LAYOUT } from '../plan/named-contexts.ts';
import type { BaseImage, PlannedStage } from '../plan/plan.ts';
import type { SolvedLayer } from './graph.ts';

/** BuildKit's comment in each history entry. */
const COMMENT = 'buildkit.dockerfile.v0';

/**
 * The config of a solved stage's image, without `rootfs`. Times are those of the layers, so that a build without
 * changes gives the same image again.
 *
 * @param layers of the whole image, lowest first
 * @param time overrides all times: RFC 3339
 */
export function imageConfig(
  stage: PlannedStage,
  layers: readonly SolvedLayer[],
  time: string | undefined,
): Omit<ImageConfig, 'rootfs'> {
  const created = new Map<string, string | undefined>();
  const first = layers.length - stepCount(stage);
  let at = first;
  for (const ancestor of lineage(stage)) {
    for (const step of ancestor.steps) created.set(step.id, layers[at++]!.created);
  }
  const base = baseImage(stage);
  const history = base === undefined ? [] : baseHistory(base);
  let last = base?.created;
  for (const ancestor of lineage(stage)) {
    for (const entry of ancestor.history) {
      if (entry.step !== undefined) last = created.get(entry.step);
      const when = time ?? last;
      history.push({
        ...(when === undefined ? {} : { created: when }),
        created_by: entry.createdBy,
        comment: COMMENT,
        ...(entry.step === undefined ? { empty_layer: true } : {}),
      });
    }
  }
  const { os, architecture, variant } = stage.platform;
  const image: Omit<ImageConfig, 'rootfs'> = {
    ...{ os, architecture, ...base?.osFacts },
    ...{ config: stage.config, history },
  };
  if (variant !== undefined) image.variant = variant;
  if ((time ?? last) !== undefined) image.created = time ?? last!;
  if (stage.author !== undefined) image.author = stage.author;
  return image;
}

/** The stages below a stage and the stage itself, lowest first. */
function lineage(stage: PlannedStage): PlannedStage[] {
  return stage.base.kind === 'stage' ? [...lineage(stage.base.stage), stage] : [stage];
}

function stepCount(stage: PlannedStage): number {
  return lineage(stage).reduce((sum, { steps }) => sum + steps.length, 0);
}

function baseImage(stage: PlannedStage): BaseImage | undefined {
  const { base } = lineage(stage)[0]!;
  return base.kind === 'image' ? base.image : undefined;
}

/** A base image's history with exactly one entry per layer: other builders leave entries out. */
function baseHistory(base: BaseImage): HistoryEntry[] {
  const history = [...base.history];
  const described = history.filter((entry) => entry.empty_layer !== true).length;
  // The image must not depend on the folder of its base's layout.
  const name = base.reference.startsWith(OCI_LAYOUT) ? base.digest : base.reference;
  for (let i = described; i < base.layers.length; i++) history.push({ created_by: `layer of ${name}` });
  let spare = described - base.layers.length;
  return history.map((entry) =>
    spare > 0 && entry.empty_layer !== true && spare-- > 0 ? { ...entry, empty_layer: true } : entry,
  );
}
