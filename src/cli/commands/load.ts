import { createReadStream, statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { JettisonError, usageError } from '../../errors/error.ts';
import { readArchive } from '../../export/archive-read.ts';
import { familiarName } from '../../image/reference.ts';
import { useStore } from '../../store/store.ts';
import { defineCommand } from '../command.ts';

function openArchive(path: string): Readable {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined || stats.isDirectory()) {
    const wrong = stats === undefined ? 'does not exist' : 'is a directory';
    throw new JettisonError('INPUT_MISSING', `${path} ${wrong}`, {
      hint: 'Name an archive that `docker save` or `jettison save` wrote.',
    });
  }
  return createReadStream(path, { highWaterMark: 1 << 20 });
}

export const command = defineCommand({
  usage: 'jettison load [OPTIONS]',
  about: `Puts the images of an archive into the store: of archives that \`docker save\`, podman, skopeo and
\`jettison save\` write (docker-archive and oci-archive), plain or compressed.`,
  flags: {
    input: { short: 'i', value: 'FILE', help: 'Read from a file instead of standard input' },
    quiet: { short: 'q', help: 'Print ids only' },
  },
  examples: ['jettison load -i app.tar', 'docker save node:20 | jettison load'],
  async run({ flags, io }) {
    if (flags.input === undefined && io.stdin.isTTY === true) {
      throw usageError(
        'nothing to load: standard input is a terminal',
        'Name a file with -i FILE, or redirect the input.',
      );
    }
    const source = flags.input === undefined ? io.stdin : openArchive(resolve(io.cwd, flags.input));
    try {
      const images = await useStore(io, (store) =>
        readArchive(store, source as AsyncIterable<Buffer>, io.signal),
      );
      for (const { id, names } of images) {
        if (flags.quiet) io.stdout.write(`${id}\n`);
        else if (names.length === 0) io.stdout.write(`Loaded image ID: ${id}\n`);
        else for (const name of names) io.stdout.write(`Loaded image: ${familiarName(name)}\n`);
      }
      return 0;
    } finally {
      source.destroy();
    }
  },
});
