import { parseArgs } from 'node:util';
import { JettisonError } from '../errors/error.ts';
import { LayerSizes } from '../export/sizes.ts';
import { familiarName, familiarRepository, parseReference } from '../image/reference.ts';
import { findImage, type NamedImage } from '../store/lookup.ts';
import { openStore } from '../store/store.ts';
import type { Command, Io } from './command.ts';
import { compileTemplate } from './template.ts';
import { usageError } from './usage.ts';

const help = `Usage: jettison inspect [OPTIONS] IMAGE...

Shows everything about images as JSON, with the members that \`docker image inspect\` has.
Size is that of the files, CompressedSize that of the blobs, both in bytes.

Options:
  -f, --format FORMAT  json (one line), or a template of Go's such as '{{.Config.User}}'

Examples:
  jettison inspect -f '{{json .Config}}' app
  jettison inspect -f '{{index .RepoDigests 0}}' app
`;

async function run(args: string[], io: Io): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { format: { type: 'string', short: 'f' } },
  });
  if (positionals.length === 0)
    throw usageError('inspect needs an image', 'usage: jettison inspect [OPTIONS] IMAGE...');
  const template =
    values.format === undefined || values.format === 'json' ? undefined : compileTemplate(values.format);
  const store = openStore({ env: io.env });
  const sizes = new LayerSizes(store);
  const found: unknown[] = [];
  let missing: JettisonError | undefined;
  for (const name of positionals) {
    try {
      found.push(describe(findImage(store, name), sizes));
    } catch (error) {
      // What there is shall be seen, too.
      if (!(error instanceof JettisonError)) throw error;
      missing ??= error;
    }
  }
  if (template !== undefined) io.stdout.write(found.map((image) => `${template(image)}\n`).join(''));
  else io.stdout.write(`${JSON.stringify(found, null, values.format === 'json' ? undefined : 4)}\n`);
  if (missing !== undefined) throw missing;
  return 0;
}

/** Docker's members in Docker's order. */
function describe(image: NamedImage, sizes: LayerSizes) {
  const { config, target, entries } = image;
  const runtime = config.config ?? {};
  const total = sizes.total(image);
  const tagged = entries.map(({ updated }) => updated).sort();
  const references = image.names.map((name) => parseReference(name));
  return {
    Id: image.id,
    RepoTags: references.filter(({ tag }) => tag !== undefined).map((reference) => familiarName(reference)),
    RepoDigests: [...new Set(references.map((name) => `${familiarRepository(name)}@${target.digest}`))],
    Comment: config.history?.at(-1)?.comment ?? '',
    Created: config.created ?? null,
    Author: config.author ?? '',
    Architecture: config.architecture,
    ...(config.variant === undefined ? {} : { Variant: config.variant }),
    Os: config.os,
    Size: total.content,
    CompressedSize: total.blobs,
    RootFS: { Type: config.rootfs.type, Layers: config.rootfs.diff_ids },
    Metadata: { LastTagTime: tagged.at(-1) ?? null },
    Descriptor: { mediaType: target.mediaType, digest: target.digest, size: target.size },
    Config: {
      Cmd: null,
      Entrypoint: null,
      Env: null,
      Labels: null,
      OnBuild: null,
      User: '',
      Volumes: null,
      WorkingDir: '',
      ...runtime,
    },
  };
}

export const command: Command = { help, run };
