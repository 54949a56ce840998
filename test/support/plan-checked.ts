import { parseDockerfile } from '../../src/dockerfile/parse.ts';
import { sha256 } from '../../src/image/digest.ts';
import type { RuntimeConfig } from '../../src/image/types.ts';
import { imageKey, type PlanInput } from '../../src/plan/input.ts';
import type { BaseImage } from '../../src/plan/plan.ts';
import { planBuild } from '../../src/plan/planner.ts';

export const AMD = { os: 'linux', architecture: 'amd64' };
export const EVERY_STAGE = { unavailable: new Set<string>(), everyStage: true };

/** Plans for checking, for linux/amd64; every base image is an empty one for that, those named arm64v8/… for arm64. */
export function planChecked(text: string, options: Partial<PlanInput> = {}, config: RuntimeConfig = {}) {
  const dockerfile = parseDockerfile(text, 'Dockerfile');
  const images = new Map<string, BaseImage>();
  for (;;) {
    const result = planBuild({
      dockerfile,
      buildArgs: {},
      labels: {},
      platform: AMD,
      buildPlatform: AMD,
      network: 'host',
      check: EVERY_STAGE,
      ...options,
      images,
    });
    if (result.kind === 'plan') return { ...result, dockerfile };
    for (const request of result.images) {
      images.set(imageKey(request), {
        reference: request.reference,
        digest: sha256(request.reference),
        platform: request.reference.includes('/arm64v8/') ? { ...AMD, architecture: 'arm64' } : AMD,
        config,
        history: [],
        layers: [],
      });
    }
  }
}
