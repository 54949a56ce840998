import { makeHostBase } from '../../base/make.ts';
import { usageError } from '../../errors/error.ts';
import { size } from '../../events/units.ts';
import { canonicalName, familiarName, parseReference } from '../../image/reference.ts';
import { openStore } from '../../store/store.ts';
import { defineCommand, defineGroup } from '../command.ts';
import { oneLine } from '../print/docker-units.ts';

/** `SOURCE_DATE_EPOCH` in seconds since 1970. */
function sourceDateEpoch(env: NodeJS.ProcessEnv): number | undefined {
  const text = env['SOURCE_DATE_EPOCH'];
  if (text === undefined || text === '') return undefined;
  if (!/^\d{1,11}$/.test(text)) {
    throw usageError(`invalid SOURCE_DATE_EPOCH "${text}"`, 'It is a number of seconds since 1970.');
  }
  return Number(text);
}

const host = defineCommand({
  usage: 'jettison base host [OPTIONS]',
  about: `Makes a base image of this machine's own files, so that images can be built without any registry: the Node that
runs this command, npm, a shell and the usual tools, the libraries that they load, and the machine's certificate
authorities. Accounts are the image's own: root, node (1000), nonroot (65532), nobody.

The image depends on those files only: unchanged files give the same digest.`,
  flags: {
    tag: {
      short: 't',
      value: 'NAME',
      many: true,
      help: 'Name of the image; required, may be given several times',
      parse: (text) => canonicalName(parseReference(text)),
    },
    slim: { help: 'Node, its libraries and certificates only: no shell, no npm, no tools' },
    quiet: { short: 'q', help: 'Print the image id only' },
  },
  examples: [
    'jettison base host -t node:host',
    'jettison base host --slim -t node:host-slim',
    'jettison build --build-arg BASE=node:host -t app .',
  ],
  async run({ flags, io }) {
    const { tag: tags } = flags;
    if (tags.length === 0)
      throw usageError('--tag is missing', 'Give the image a name: jettison base host -t node:host.');

    const time = sourceDateEpoch(io.env);
    const store = openStore({ env: io.env });
    try {
      const base = await makeHostBase(store, {
        slim: flags.slim,
        ...(time === undefined ? {} : { time }),
      });
      for (const tag of tags) store.images.put(tag, base.manifest);
      for (const warning of base.warnings) io.stderr.write(`warning: ${oneLine(warning)}\n`);
      if (flags.quiet) {
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
});

export const command = defineGroup({
  usage: 'jettison base COMMAND',
  about: "Makes base images from this machine's own files.",
  subcommands: { host },
});
