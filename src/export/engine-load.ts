import type { Digest } from '../image/digest.ts';
import { familiarName, parseReference } from '../image/reference.ts';
import type { Descriptor } from '../image/types.ts';
import type { ImageParts } from '../store/lookup.ts';
import type { Store } from '../store/store.ts';
import { writeArchive } from './archive-write.ts';
import { EngineApi, engineFailed } from './engine-api.ts';

export interface EngineLoad {
  store: Store;
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
  /** Has the store hold a blob of the base. */
  fetchBlob: (blob: Descriptor) => Promise<void>;
}

/**
 * Gives an image to a running engine. One that the engine has only gets its names; of others Docker is sent
 * the layers that it lacks, where its store lets it tell which; else the whole image is sent.
 *
 * @param names canonical
 * @throws JettisonError `ENGINE_…`
 */
export async function loadIntoEngine(job: EngineLoad, image: ImageParts, names: string[]): Promise<void> {
  const api = await EngineApi.find(job.env, job.signal);
  if ((await api.json(`/images/${image.id}/json`)) !== undefined) {
    for (const name of names) await addName(api, image.id, name);
    return;
  }
  const held = await heldLayers(api, image.config.rootfs.diff_ids);
  try {
    await send(job, api, image, names, held);
  } catch (error) {
    if (held === 0) throw error;
    await send(job, api, image, names, 0);
  }
}

/** @param held how many of the lowest layers are left out */
async function send(
  { store, fetchBlob }: EngineLoad,
  api: EngineApi,
  image: ImageParts,
  names: string[],
  held: number,
): Promise<void> {
  const { layers } = image.manifest;
  const sent = new Set(layers.slice(held).map(({ digest }) => digest));
  for (const layer of layers.slice(held)) await fetchBlob(layer);
  const omit = new Set(layers.map(({ digest }) => digest).filter((digest) => !sent.has(digest)));
  const archive = writeArchive(store, [{ image, names }], 'docker-archive', omit);
  const answer = await api.sendTar('/images/load?quiet=1', archive);
  const failure = answer
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => messageOf(line))
    .find((message) => message !== undefined);
  if (failure !== undefined) throw engineFailed(failure);
}

/** An engine answers with a line of JSON for everything that happens. */
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

/**
 * How many of an image's lowest layers the engine has. Docker's classic store looks a layer up by what it
 * stands on before it opens its file; others must be sent everything.
 */
async function heldLayers(api: EngineApi, diffIds: readonly Digest[]): Promise<number> {
  const info = (await api.json('/info')) as { Driver?: string; DriverStatus?: [string, string][] | null };
  const version = (await api.json('/version')) as { Components?: { Name?: string }[] | null };
  const isDocker = version?.Components?.some(({ Name }) => Name === 'Engine') ?? false;
  const isContainerd = (info?.DriverStatus ?? []).some(([key]) => key === 'driver-type');
  if (!isDocker || isContainerd) return 0;
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
