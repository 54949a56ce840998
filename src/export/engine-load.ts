import { countedToEnd, type OnProgress } from '../events/transfer.ts';
import type { Digest } from '../image/digest.ts';
import type { ImageParts, ImageSet } from '../image/image.ts';
import { familiarName, parseReference } from '../image/reference.ts';
import { type Descriptor, MEDIA } from '../image/types.ts';
import { parallel, TRANSFERS } from '../registry/parallel.ts';
import type { Store } from '../store/store.ts';
import { writeArchive } from './archive-write.ts';
import { EngineApi, engineFailed } from './engine-api.ts';

export interface EngineLoad {
  store: Store;
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
  /** Downloads a blob of the base into the store. */
  fetchBlob: (blob: Descriptor) => Promise<void>;
  onProgress: OnProgress;
}

type Engine = 'docker' | 'docker with containerd' | 'podman' | 'other';

/**
 * Loads an image into a running engine. If the engine has the image, it is only tagged. Docker's classic store and
 * Podman are sent only the layers that they lack, other engines the whole image.
 *
 * Attestations go to Docker's containerd store only: the other stores hold images alone.
 *
 * @param made of one platform
 * @param names canonical
 * @throws JettisonError `ENGINE_…`
 */
export async function loadIntoEngine(job: EngineLoad, made: ImageSet, names: string[]): Promise<void> {
  const api = await EngineApi.find(job.env, job.signal);
  const image = made.images[0]!;
  const attested = made.attestations !== undefined && (await kindOf(api)) === 'docker with containerd';
  const id = attested ? made.target.digest : image.id;
  if ((await api.json(`/images/${id}/json`)) !== undefined) {
    for (const name of names) await addName(api, id, name);
    return;
  }
  if (attested) {
    await send(job, api, made, names, 0);
    return;
  }
  const engine = await kindOf(api);
  const held = await heldLayers(api, engine, image.config.rootfs.diff_ids);
  const sent = engine === 'podman' ? forPodman(job.store, image) : image;
  const alone = { target: sent.descriptor, images: [sent] };
  try {
    await send(job, api, alone, names, held);
  } catch (error) {
    if (held === 0) throw error;
    await send(job, api, alone, names, 0);
  }
}

/**
 * The image with Docker's media types, if its config has members (health checks, triggers, shells) that Podman ignores
 * under an OCI manifest. Docker has no media type for zstd, so such an image is unchanged.
 */
function forPodman(store: Store, image: ImageParts): ImageParts {
  const { Healthcheck, OnBuild, Shell } = image.config.config ?? {};
  if (Healthcheck === undefined && !OnBuild?.length && Shell === undefined) return image;
  const layers: Descriptor[] = [];
  for (const layer of image.manifest.layers) {
    const mediaType = DOCKER_LAYER[layer.mediaType];
    if (mediaType === undefined) return image;
    layers.push({ ...layer, mediaType });
  }
  const config = { ...image.manifest.config, mediaType: MEDIA.dockerConfig };
  const manifest = { schemaVersion: 2 as const, mediaType: MEDIA.dockerManifest, config, layers };
  return { ...image, manifest, descriptor: store.blobs.writeJson(manifest, MEDIA.dockerManifest) };
}

const DOCKER_LAYER: Record<string, string> = {
  [MEDIA.ociLayerGzip]: MEDIA.dockerLayerGzip,
  [MEDIA.dockerLayerGzip]: MEDIA.dockerLayerGzip,
  [MEDIA.ociLayer]: MEDIA.dockerLayer,
  [MEDIA.dockerLayer]: MEDIA.dockerLayer,
};

/** @param held number of the lowest layers, which the engine has: these are left out */
async function send(
  { store, fetchBlob, onProgress }: EngineLoad,
  api: EngineApi,
  set: ImageSet,
  names: string[],
  held: number,
): Promise<void> {
  const image = set.images[0]!;
  const { layers } = image.manifest;
  const sent = new Set(layers.slice(held).map(({ digest }) => digest));
  await parallel(layers.slice(held), TRANSFERS, fetchBlob);
  const omit = new Set(layers.map(({ digest }) => digest).filter((digest) => !sent.has(digest)));
  const archive = writeArchive(store, [{ ...set, names }], 'docker-archive', omit);
  const answer = await api.sendTar(
    '/images/load?quiet=1',
    countedToEnd(archive, { item: image.id, onProgress }),
  );
  const failure = answer
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => messageOf(line))
    .find((message) => message !== undefined);
  if (failure !== undefined) throw engineFailed(failure);
}

/** The error in a line of an engine's answer, which is one JSON object per line; undefined without one. */
function messageOf(line: string): string | undefined {
  try {
    return (JSON.parse(line) as { error?: string }).error;
  } catch {
    return undefined;
  }
}

async function addName(api: EngineApi, id: Digest, name: string): Promise<void> {
  const { tag = 'latest' } = parseReference(name);
  const repository = familiarName(name).slice(0, -tag.length - 1);
  const query = `repo=${encodeURIComponent(repository)}&tag=${encodeURIComponent(tag)}`;
  await api.json(`/images/${id}/tag?${query}`, 'POST');
}

async function kindOf(api: EngineApi): Promise<Engine> {
  const version = (await api.json('/version')) as { Components?: { Name?: string }[] | null };
  const names = version?.Components?.map(({ Name }) => Name) ?? [];
  if (names.includes('Podman Engine')) return 'podman';
  if (!names.includes('Engine')) return 'other';
  const info = (await api.json('/info')) as { DriverStatus?: [string, string][] | null };
  const isContainerd = (info?.DriverStatus ?? []).some(([key]) => key === 'driver-type');
  return isContainerd ? 'docker with containerd' : 'docker';
}

/**
 * Number of an image's lowest layers that the engine has; 0 for engines that need all blobs. Docker's classic store
 * looks a layer up by its chain id before it opens the file, Podman by the blob's digest.
 */
async function heldLayers(api: EngineApi, engine: Engine, diffIds: readonly Digest[]): Promise<number> {
  if (engine !== 'docker' && engine !== 'podman') return 0;
  let held = 0;
  const images = (await api.json('/images/json')) as { Id: string }[];
  for (const { Id } of images) {
    const other = (await api.json(`/images/${Id}/json`)) as { RootFS?: { Layers?: Digest[] } } | undefined;
    const layers = other?.RootFS?.Layers ?? [];
    let common = 0;
    while (common < diffIds.length && layers[common] === diffIds[common]) common++;
    held = Math.max(held, common);
  }
  return held;
}
