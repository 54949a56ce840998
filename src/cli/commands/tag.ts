import { parseArgs } from 'node:util';
import { JettisonError } from '../../errors/error.ts';
import { canonicalName, parseReference } from '../../image/reference.ts';
import { findImage } from '../../store/lookup.ts';
import { openStore } from '../../store/store.ts';
import type { Command, Io } from '../command.ts';
import { usageError } from '../usage.ts';

const help = `Usage: jettison tag IMAGE NAME[:TAG]

Gives an image one more name. A name that another image has is taken from it.

Examples:
  jettison tag app registry.example.com/team/app:1.0
`;

async function run(args: string[], io: Io): Promise<number> {
  const { positionals } = parseArgs({ args, allowPositionals: true, options: {} });
  const [source, name, ...rest] = positionals;
  if (source === undefined || name === undefined || rest.length > 0) {
    throw usageError('tag takes an image and a name', 'usage: jettison tag IMAGE NAME[:TAG]');
  }
  const reference = parseReference(name);
  if (reference.digest !== undefined) {
    throw new JettisonError('REFERENCE_INVALID', `"${name}" has a digest, which cannot be chosen`, {
      hint: 'Leave the part from the @ on out.',
    });
  }
  const store = openStore({ env: io.env });
  const end = await store.leases.use(io.signal);
  try {
    store.images.put(canonicalName(reference), findImage(store, source).target);
    return 0;
  } finally {
    end();
    store.close();
  }
}

export const command: Command = { help, run };
