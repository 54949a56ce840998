import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, rmSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { JettisonError } from '../../errors/error.ts';
import { EngineApi } from '../../export/engine-api.ts';
import type { Image } from '../../image/image.ts';
import { temporaryPath } from '../../store/temporary.ts';
import type { OpenOptions, OpenSource } from '../open-source.ts';
import { openArchive } from './archive.ts';

/**
 * An image of a running engine, which saves it into the store's temporary folder: `docker://NAME`, `podman://NAME`.
 *
 * @throws JettisonError `ENGINE_UNREACHABLE`, `ENGINE_FAILED`, `IMAGE_UNKNOWN`
 */
export const open: OpenSource = async (text, options) => {
  const [, engine = '', name = ''] = /^(docker|podman):(?:\/\/)?(.*)$/.exec(text) ?? [];
  const path = temporaryPath(options.store.layout, 'engine-image');
  const remove = () => rmSync(path, { force: true });
  try {
    if (engine === 'docker') await saveByApi(name, path, options);
    else await saveByPodman(name, path, options);
    const image: Image = await openArchive(path, { ...options, label: text });
    return {
      ...image,
      close: async () => {
        await image.close();
        remove();
      },
    };
  } catch (error) {
    remove();
    throw error;
  }
};

async function saveByApi(name: string, path: string, { env, signal }: OpenOptions): Promise<void> {
  const api = await EngineApi.find(env, signal);
  const saved = await api.read(`/images/${encodeURIComponent(name).replaceAll('%2F', '/')}/get`);
  if (saved === undefined) throw unknown('Docker', name);
  await pipeline(saved, createWriteStream(path), { signal });
}

/** Podman needs no service that runs: the program does the same. */
async function saveByPodman(name: string, path: string, { env, signal }: OpenOptions): Promise<void> {
  const args = ['save', '--quiet', '--format', 'oci-archive', '--output', path, '--', name];
  const podman = spawn('podman', args, { env, signal, stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  podman.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-4096);
  });
  const [code] = await once(podman, 'close').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    throw new JettisonError('ENGINE_UNREACHABLE', 'the program podman is not installed', {
      hint: 'Install podman, or open the image as docker://NAME.',
    });
  });
  if (code === 0) return;
  if (/not known|no such image|failed to find image/i.test(said)) throw unknown('Podman', name);
  throw new JettisonError(
    'ENGINE_FAILED',
    `podman cannot save ${name}: ${said.trim().split('\n').at(-1) ?? ''}`,
    {
      hint: 'See what `podman images` lists.',
    },
  );
}

function unknown(engine: string, name: string): JettisonError {
  return new JettisonError('IMAGE_UNKNOWN', `${engine} has no image "${name}"`, {
    hint: `See what \`${engine.toLowerCase()} images\` lists.`,
  });
}
