import { join } from 'node:path';
import { EXIT, JettisonError } from '../errors/error.ts';
import { countedToEnd, type OnProgress, sparing } from '../events/transfer.ts';
import { familiarName, parseReference } from '../image/reference.ts';
import { parallel, TRANSFERS } from '../registry/parallel.ts';
import type { Registries } from '../registry/registries.ts';
import type { Delivery } from './delivery.ts';
import type { MadeImage } from './image-maker.ts';
import { type Destination, type FilesOutput, isImageOutput, type Output, unknownOutput } from './output.ts';

/**
 * Hands the result to one output.
 *
 * @throws JettisonError `OUTPUT_INVALID`, `ENGINE_…`, `REGISTRY_…`
 */
export async function deliver(job: Delivery, output: Output): Promise<void> {
  if (!isImageOutput(output)) return deliverFiles(job, output);
  const made = await job.maker.make(output.form);
  const names = output.names ?? job.tags;
  switch (output.type) {
    case 'image':
      return push(job, output, names, made);
    case 'engine':
      return told(job, 'image to engine', async (onProgress) => {
        const { loadIntoEngine } = await import('./engine-load.ts');
        await loadIntoEngine({ ...job, onProgress }, only(made, 'An engine'), names);
      });
    case 'archive':
      return told(job, `image to ${label(output.to)}`, async (onProgress) => {
        const { writeOutput } = await import('./write-output.ts');
        const item = label(output.to);
        const bytes = countedToEnd(await archive(job, made, names, output.format), { item, onProgress });
        await writeOutput(output.to, bytes, job.signal);
      });
    case 'layout':
      return told(job, `image to ${output.path}`, async (onProgress) => {
        const { extractTar } = await import('./extract.ts');
        const item = output.path;
        const bytes = countedToEnd(await archive(job, made, names, 'oci-archive'), { item, onProgress });
        await extractTar(bytes, output.path, job.signal);
      });
    default:
      throw unknownOutput(output);
  }
}

async function push(
  job: Delivery,
  output: Output & { type: 'image' },
  names: string[],
  { target }: MadeImage,
): Promise<void> {
  if (names.length === 0) {
    throw new JettisonError('OUTPUT_INVALID', 'an image without a name cannot be pushed', {
      hint: 'Say where to: -t REGISTRY/NAME:TAG, or name= in --output.',
      exitCode: EXIT.usage,
    });
  }
  const { pushImage } = await import('../registry/push.ts');
  const registries: Registries = new (await import('../registry/registries.ts')).Registries({
    env: job.env,
    insecure: output.insecure === true,
    signal: job.signal,
  });
  try {
    for (const name of names) {
      const { tag, ...repository } = parseReference(name);
      const reference = output.pushByDigest
        ? { ...repository, digest: target.digest }
        : { ...repository, tag: tag! };
      await told(job, `push of ${familiarName(name)}`, async (onProgress) => {
        await pushImage(job.store, registries, reference, target, onProgress, job.fetchBlob);
      });
    }
  } finally {
    registries.close();
  }
}

async function archive(
  { store, fetchBlob }: Delivery,
  made: MadeImage,
  names: string[],
  format: 'docker-archive' | 'oci-archive',
): Promise<AsyncIterable<Buffer>> {
  if (format === 'docker-archive') only(made, "Docker's archive");
  const { writeArchive } = await import('./archive-write.ts');
  await parallel(
    made.images.flatMap(({ manifest }) => manifest.layers),
    TRANSFERS,
    fetchBlob,
  );
  const [image] = made.images;
  const whole = made.isIndex ? { index: made } : {};
  return writeArchive(store, [{ image: image!, names, ...whole }], format);
}

async function deliverFiles(job: Delivery, output: FilesOutput): Promise<void> {
  switch (output.type) {
    case 'tar':
      return filesToTar(job, output.to);
    case 'local':
      return filesToFolder(job, output.path);
    default:
      throw unknownOutput(output);
  }
}

async function filesToTar(job: Delivery, to: Destination): Promise<void> {
  const { built, store, time, signal } = job;
  const item = label(to);
  await told(job, `files to ${item}`, async (onProgress) => {
    const { filesTar } = await import('./image-files.ts');
    const { writeOutput } = await import('./write-output.ts');
    if (built.length > 1) throw severalPlatforms('A tar of files');
    const tar = filesTar(store, await job.worker(), await built[0]!.files(), time);
    await writeOutput(to, countedToEnd(tar, { item, onProgress }), signal);
  });
}

async function filesToFolder(job: Delivery, path: string): Promise<void> {
  const { built, asIndex, store, time, signal } = job;
  await told(job, `files to ${path}`, async (onProgress) => {
    const { filesTar } = await import('./image-files.ts');
    const { extractTar } = await import('./extract.ts');
    const worker = await job.worker();
    let devices = 0;
    for (const one of built) {
      // As buildx names them.
      const { os, architecture, variant } = one.platform;
      const name = [os, architecture, ...(variant === undefined ? [] : [variant])].join('_');
      const folder = asIndex ? join(path, name) : path;
      const tar = countedToEnd(filesTar(store, worker, await one.files(), time), {
        item: folder,
        onProgress,
      });
      devices += (await extractTar(tar, folder, signal)).leftOut;
    }
    if (devices > 0) {
      job.emit({
        type: 'warning',
        code: 'OUTPUT_DEVICES',
        message: `${devices} device files and pipes of the image are not in ${path}`,
        hint: 'type=tar keeps them.',
      });
    }
  });
}

/** The only image of those that cannot hold several. */
function only({ images }: MadeImage, what: string) {
  if (images.length > 1) throw severalPlatforms(what);
  return images[0]!;
}

function severalPlatforms(what: string): JettisonError {
  return new JettisonError('OUTPUT_INVALID', `${what} takes one platform, and the build has several`, {
    hint: 'Build one platform at a time, or use -o type=oci, type=local or --push.',
    exitCode: EXIT.usage,
  });
}

/** Does something and tells of it. */
async function told(
  job: Delivery,
  what: string,
  work: (onProgress: OnProgress) => Promise<void>,
): Promise<void> {
  const started = Date.now();
  job.emit({ type: 'export.started', what });
  await work(sparing((progress) => job.emit({ type: 'transfer', of: what, direction: 'out', ...progress })));
  job.emit({ type: 'export.finished', what, durationMs: Date.now() - started });
}

function label(to: { path: string } | { stream: unknown }): string {
  return 'path' in to ? to.path : 'standard output';
}
