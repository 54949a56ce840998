import { createReadStream, statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { parseArgs } from 'node:util';
import { JettisonError } from '../../errors/error.ts';
import { readArchive } from '../../export/archive-read.ts';
import { familiarName } from '../../image/reference.ts';
import { openStore } from '../../store/store.ts';
import type { Command, Io } from '../command.ts';
import { usageError } from '../usage.ts';

const help = `Usage: jettison load [OPTIONS]

Puts the images of an archive into the store: what \`docker save\`, podman, skopeo and \`jettison save\`
write (docker-archive and oci-archive), plain or compressed.

Options:
  -i, --input FILE  Read from a file instead of standard input
  -q, --quiet       Print ids only

Examples:
  jettison load -i app.tar
  docker save node:20 | jettison load
`;

async function run(args: string[], io: Io): Promise<number> {
  const { values } = parseArgs({
    args,
    options: { input: { type: 'string', short: 'i' }, quiet: { type: 'boolean', short: 'q' } },
  });
  if (values.input === undefined && io.stdin.isTTY === true) {
    throw usageError(
      'nothing to load: standard input is a terminal',
      'name a file with -i, or redirect the input',
    );
  }
  const source = values.input === undefined ? io.stdin : openArchive(resolve(io.cwd, values.input));
  const store = openStore({ env: io.env });
  const end = await store.leases.use(io.signal);
  try {
    const images = await readArchive(store, source as AsyncIterable<Buffer>, io.signal);
    for (const { id, names } of images) {
      if (values.quiet) io.stdout.write(`${id}\n`);
      else if (names.length === 0) io.stdout.write(`Loaded image ID: ${id}\n`);
      else for (const name of names) io.stdout.write(`Loaded image: ${familiarName(name)}\n`);
    }
    return 0;
  } finally {
    source.destroy();
    end();
    store.close();
  }
}

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

export const command: Command = { help, run };
