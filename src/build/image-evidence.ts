import { ImageFacts } from '../advice/image-facts.ts';
import type { DockerfileFacts } from '../advice/stage-facts.ts';
import { JettisonError } from '../errors/error.ts';
import { BuildStore } from '../history/build-store.ts';
import { type ImagePlaces, inspectImages } from '../inspect/inspect-images.ts';
import { findSecrets } from '../leaks/find-secrets.ts';
import { SecretsCompanion } from '../leaks/layer-secrets.ts';
import { reachablePorts } from '../probe/listening.ts';
import { lifecyclesOf } from '../scan/lifecycle.ts';
import { findImage } from '../store/lookup.ts';
import { type Store, useStore } from '../store/store.ts';
import { placesOf } from './build-recorder.ts';

/** Milliseconds that an image gets to open its ports. */
const SETTLE_MS = 5000;

/** Where images and builds are looked for. */
export type EvidencePlaces = Omit<ImagePlaces, 'companion'> & {
  /** Run the image, too, to see on which ports it listens: it has to be in the store. */
  run: boolean;
};

/**
 * Looks into an image for rules of advice: each of its layers is read at most once in the life of a store.
 *
 * @param name as `openImage` takes it
 * @param facts of the Dockerfile that made it
 * @param today `2026-11-28`
 * @throws JettisonError as `inspectImages`
 */
export async function imageEvidence(
  name: string,
  facts: DockerfileFacts,
  today: string,
  places: EvidencePlaces,
): Promise<ImageFacts> {
  const companion = new SecretsCompanion();
  return inspectImages([name], { ...places, companion }, async ([inspection], store) => {
    const { findings: secrets } = findSecrets(inspection!, companion, []);
    const lifecycles = lifecyclesOf(inspection!, today);
    const { id } = inspection!.image;
    const listening = places.run ? await listeningPorts(store, id, places.signal) : undefined;
    return new ImageFacts({ inspection: inspection!, secrets, lifecycles, listening }, facts);
  });
}

/** Runs an image of the store once in a sandbox. @returns the TCP ports on which it listened for others */
async function listeningPorts(store: Store, id: string, signal: AbortSignal): Promise<number[]> {
  const { probeImage } = await import('../probe/probe-image.ts');
  const { listening } = await probeImage(store, findImage(store, id), {
    ports: [],
    settleMs: SETTLE_MS,
    signal,
  });
  return reachablePorts(listening);
}

/**
 * The id of the image that the last successful build of a Dockerfile made.
 *
 * @param build the context's folder, the Dockerfile's path and the target, as the build was told them
 * @throws JettisonError `BUILD_UNKNOWN`
 */
export async function lastBuilt(
  build: { context: string; file?: string; target?: string },
  { env, signal, home }: EvidencePlaces,
): Promise<string> {
  const { project } = placesOf(build);
  return useStore({ env, signal, ...(home !== undefined && { home }) }, async (store) => {
    for (const { state, imageId, target } of new BuildStore(store.layout).of(project)) {
      if (state === 'ok' && imageId !== undefined && target === build.target) return imageId;
    }
    throw new JettisonError(
      'BUILD_UNKNOWN',
      `no build of ${build.file ?? `${build.context}/Dockerfile`}${build.target === undefined ? '' : ` with the target ${build.target}`} is on record`,
      { hint: 'Build it first, or name its image with --image.' },
    );
  });
}
