import { parseArgs } from 'node:util';
import { JettisonError } from '../../errors/error.ts';
import { LayerSizes } from '../../export/sizes.ts';
import { findContainer } from '../../run/container.ts';
import { findImage } from '../../store/lookup.ts';
import { openStore, type Store } from '../../store/store.ts';
import type { Command, Io } from '../command.ts';
import { describeContainer } from '../print/describe-container.ts';
import { describeImage } from '../print/describe-image.ts';
import { forOutput, OUTPUT_OPTIONS, refuseBoth } from '../print/list-output.ts';
import { compileTemplate } from '../print/template/compile.ts';
import { toJson } from '../print/template/values.ts';
import { usageError } from '../usage.ts';

const help = `Usage: jettison inspect [OPTIONS] NAME...

Shows everything about images and containers as JSON, with the members that \`docker inspect\` has.
Of an image, Size is that of the packed layers (as is CompressedSize), UnpackedSize that of their files (null while they have not
been looked into), both in bytes.

Options:
  -f, --format FORMAT  json (one line), or a template of Go's such as '{{.Config.User}}'
      --json           Everything, as without options
      --type TYPE      Look for image or container only; otherwise a container comes before an image of the
                       same name

Examples:
  jettison inspect -f '{{json .Config}}' app
  jettison inspect -f '{{range .Config.Env}}{{println .}}{{end}}' app
  jettison inspect -f '{{.State.Health.Status}}' web
`;

const USAGE = 'usage: jettison inspect [OPTIONS] NAME...';
const INDENT = 4;

async function run(args: string[], io: Io): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { ...OUTPUT_OPTIONS, format: { type: 'string', short: 'f' }, type: { type: 'string' } },
  });
  if (positionals.length === 0) throw usageError('inspect needs an image or a container', USAGE);
  refuseBoth(values);
  const { format, type } = values;
  if (type !== undefined && type !== 'image' && type !== 'container') {
    throw usageError(`there is no type "${type}"`, 'The types are image and container.');
  }
  const template = format === undefined || format === 'json' ? undefined : compileTemplate(format);
  const store = openStore({ env: io.env });
  const sizes = new LayerSizes(store);
  const found: unknown[] = [];
  let missing: JettisonError | undefined;
  for (const name of positionals) {
    try {
      found.push(describe(store, name, type, sizes));
    } catch (error) {
      // What there is shall be seen, too.
      if (!(error instanceof JettisonError)) throw error;
      missing ??= error;
    }
  }
  store.close();
  if (template !== undefined) for (const one of found) io.stdout.write(`${forOutput(io, template(one))}\n`);
  else io.stdout.write(`${toJson(found, format === 'json' ? undefined : INDENT)}\n`);
  if (missing !== undefined) throw missing;
  return 0;
}

function describe(
  store: Store,
  name: string,
  type: 'image' | 'container' | undefined,
  sizes: LayerSizes,
): unknown {
  if (type !== 'image') {
    try {
      return describeContainer(findContainer(store, name));
    } catch (error) {
      const unknown = error instanceof JettisonError && error.code === 'CONTAINER_UNKNOWN';
      if (!unknown || type === 'container') throw error;
    }
  }
  return describeImage(findImage(store, name), sizes);
}

export const command: Command = { help, run };
