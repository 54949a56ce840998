import { parseArgs } from 'node:util';
import { makeHostBase } from '../../base/make.ts';
import { size } from '../../events/units.ts';
import { canonicalName, familiarName, parseReference } from '../../image/reference.ts';
import { openStore } from '../../store/store.ts';
import type { Command } from '../command.ts';
import { oneLine } from '../print/docker-units.ts';
import { usageError } from '../usage.ts';

const help = `Usage: jettison base host -t NAME [OPTIONS]

Makes a base image of this machine's own files, so that images can be built without
any registry: the Node that runs this command, npm, a shell and the usual tools, the
libraries that they load, and the machine's certificate authorities. Accounts are the
image's own: root, node (1000), nonroot (65532), nobody.

The image depends on those files only: unchanged files give the same digest.

Options:
  -t, --tag NAME   What the image is called; may be given several times
      --slim       Node, its libraries and certificates only: no shell, no npm, no tools
  -q, --quiet      Print the image id only

Examples:
  jettison base host -t node:host
  jettison base host --slim -t node:host-slim
  jettison build --build-arg BASE=node:host -t app .
`;

export const command: Command = {
  subcommands: ['host'],
  help,
  async run(args, io) {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        tag: { type: 'string', short: 't', multiple: true },
        slim: { type: 'boolean' },
        quiet: { type: 'boolean', short: 'q' },
      },
    });
    const [kind, ...rest] = positionals;
    if (kind !== 'host' || rest.length > 0) {
      throw usageError(
        kind === undefined
          ? 'what kind of base?'
          : `there is no base of the kind "${[kind, ...rest].join(' ')}"`,
        'usage: jettison base host -t NAME [--slim]',
      );
    }
    const tags = (values.tag ?? []).map((tag) => canonicalName(parseReference(tag)));
    if (tags.length === 0) {
      throw usageError('the base needs a name', 'for example: jettison base host -t node:host');
    }

    const time = sourceDateEpoch(io.env);
    const store = openStore({ env: io.env });
    try {
      const base = await makeHostBase(store, {
        slim: values.slim ?? false,
        ...(time === undefined ? {} : { time }),
      });
      for (const tag of tags) store.images.put(tag, base.manifest);
      for (const warning of base.warnings) io.stderr.write(`warning: ${oneLine(warning)}\n`);
      if (values.quiet) {
        io.stdout.write(`${base.config.digest}\n`);
        return 0;
      }
      const facts = [
        `Node ${process.versions.node}`,
        size(base.size),
        `${size(base.layer.blob.size)} compressed`,
        `${base.entries} entries`,
      ];
      if (base.reused) facts.push('unchanged');
      io.stdout.write(`${tags.map((tag) => familiarName(tag)).join(', ')}: ${facts.join(', ')}\n`);
      io.stdout.write(`${base.config.digest}\n`);
      return 0;
    } finally {
      store.close();
    }
  },
};

/** `SOURCE_DATE_EPOCH` in seconds since 1970. */
function sourceDateEpoch(env: NodeJS.ProcessEnv): number | undefined {
  const text = env['SOURCE_DATE_EPOCH'];
  if (text === undefined || text === '') return undefined;
  if (!/^\d{1,11}$/.test(text)) {
    throw usageError(`SOURCE_DATE_EPOCH is "${text}"`, 'It is a number of seconds since 1970.');
  }
  return Number(text);
}
