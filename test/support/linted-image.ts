import type { LintFinding } from '../../src/advice/advise.ts';
import { dockerfileFacts } from '../../src/advice/stage-facts.ts';
import { lint } from '../../src/build/lint.ts';
import { parseDockerfile } from '../../src/dockerfile/parse.ts';
import type { RuntimeConfig } from '../../src/image/types.ts';
import { makeImage, makeLayer, makeStore } from './images.ts';
import { LINTED_ON } from './linted.ts';
import { tempDir, writeFiles } from './temp-dir.ts';

/** A layer of a linted image: the instruction that made it, as a history says it, and files; `.wh.NAME` deletes one. */
export type LintedLayer = [by: string, files: Record<string, string>];

/**
 * Lints a Dockerfile together with an image that it made. The image has the settings of the Dockerfile's last stage.
 *
 * @param base how many of the layers are those of the base image
 */
export async function imageLinted(
  text: string,
  layers: readonly LintedLayer[],
  {
    base = 0,
    context = {},
    config = {},
    run = false,
  }: { base?: number; context?: Record<string, string>; config?: RuntimeConfig; run?: boolean } = {},
): Promise<LintFinding[]> {
  const folder = tempDir();
  writeFiles(folder, { Dockerfile: text, ...context });
  const { home, store, remove } = makeStore();
  try {
    const made = layers.map(([, files]) => makeLayer(store, files));
    const history = layers.map(([by]) => ({ created_by: `${by} # buildkit` }));
    if (base > 0)
      await makeImage(store, {
        name: 'base',
        layers: made.slice(0, base),
        config: { history: history.slice(0, base) },
      });
    await makeImage(store, {
      name: 'app',
      layers: made,
      config: { history, config: { ...settingsOf(text), ...config } },
    });
    const { findings, error } = await lint({
      context: folder,
      home,
      env: {},
      image: { name: 'app' },
      run,
      today: LINTED_ON,
    });
    if (error !== undefined) throw error;
    return findings;
  } finally {
    store.close();
    remove();
  }
}

function settingsOf(text: string): RuntimeConfig {
  const { target } = dockerfileFacts(parseDockerfile(text, 'Dockerfile'));
  const { cmd, entrypoint, cwd, env } = target.final;
  const ports = [...text.matchAll(/^EXPOSE (\d+)$/gm)].map(([, port]) => [`${port}/tcp`, {}]);
  const args = (one: typeof cmd) =>
    one?.command.form === 'shell' ? ['/bin/sh', '-c', one.command.text] : one?.command.args;
  return {
    Env: [...env].map(([name, value]) => `${name}=${value}`),
    ...(ports.length > 0 && { ExposedPorts: Object.fromEntries(ports) }),
    ...(cwd !== undefined && { WorkingDir: cwd }),
    ...(cmd && { Cmd: args(cmd)! }),
    ...(entrypoint && { Entrypoint: args(entrypoint)! }),
  };
}

/**
 * A shared library in ELF's form whose table of names has these: libraries, versions and symbols. All its bytes are ASCII.
 *
 * @param machine as ELF numbers it: 62 is amd64
 */
export function sharedLibrary(names: readonly string[], machine = 62): string {
  const strings = `\0${names.join('\0')}\0`;
  const file = Buffer.alloc(512 + Math.ceil(strings.length / 256) * 256);
  file.write('\x7fELF\x02\x01\x01', 'latin1');
  file.writeUInt16LE(3, 16);
  file.writeUInt16LE(machine, 18);
  file.writeBigUInt64LE(64n, 40);
  file.writeUInt16LE(64, 58);
  file.writeUInt16LE(3, 60);
  // Section 1 has the dynamic symbols, section 2 their names.
  file.writeUInt32LE(11, 128 + 4);
  file.writeUInt32LE(2, 128 + 40);
  file.writeUInt32LE(3, 192 + 4);
  file.writeBigUInt64LE(512n, 192 + 24);
  file.writeBigUInt64LE(BigInt(file.length - 512), 192 + 32);
  file.write(strings, 512, 'latin1');
  return file.toString('latin1');
}
