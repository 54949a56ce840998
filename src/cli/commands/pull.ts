import { parseArgs } from 'node:util';
import { JettisonError } from '../../errors/error.ts';
import { visible } from '../../errors/safe-text.ts';
import { formatPlatform, hostPlatform, matchPlatform, parsePlatform } from '../../image/platform.ts';
import { canonicalName, familiarName, parseReference } from '../../image/reference.ts';
import { fetchLayers, pullImage } from '../../registry/pull.ts';
import { Registries } from '../../registry/registries.ts';
import { openStore } from '../../store/store.ts';
import type { Command, Io } from '../command.ts';
import { TransferView } from '../print/transfer-progress.ts';
import { usageError } from '../usage.ts';

const help = `Usage: jettison pull [OPTIONS] NAME[:TAG|@DIGEST]

Fetches an image from a registry into the store. Builds fetch what they need of their base images by
themselves: pulling is for having a whole image at hand.

Options:
      --platform PLATFORM   Of an image for several platforms take this one, such as linux/arm64
  -q, --quiet               Print only the image's name
      --registry-insecure   Accept any certificate, and plain http

Credentials are those of \`docker login\`, \`podman login\` and \`jettison login\`; where they are refused,
what everybody may read is read without them. HTTPS_PROXY and NO_PROXY are heeded. Certificates are checked
with Node's authorities and NODE_EXTRA_CA_CERTS, then with the system's or those of SSL_CERT_FILE.
JETTISON_MIRRORS (docker.io=https://mirror.example.com) names mirrors.

Examples:
  jettison pull node:22-alpine
  jettison pull --platform linux/arm64 ghcr.io/team/app:1.4
`;

async function run(args: string[], io: Io): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      platform: { type: 'string' },
      quiet: { type: 'boolean', short: 'q' },
      'registry-insecure': { type: 'boolean' },
    },
  });
  const [name, ...rest] = positionals;
  if (name === undefined || rest.length > 0) {
    throw usageError('pull takes one name', 'usage: jettison pull [OPTIONS] NAME[:TAG|@DIGEST]');
  }
  const reference = parseReference(name);
  const platform = values.platform === undefined ? hostPlatform() : parsePlatform(values.platform);
  const registries = new Registries({
    env: io.env,
    insecure: values['registry-insecure'] === true,
    signal: io.signal,
  });
  const store = openStore({ env: io.env });
  const end = await store.leases.use(io.signal);
  const view = new TransferView(io, 'pull');
  try {
    const before = store.images.find(canonicalName(reference))?.manifest.digest;
    const image = await pullImage(store, registries, reference, platform);
    const actual = image.descriptor.platform!;
    if (matchPlatform(platform, actual) === 0) {
      const difference = `${familiarName(reference)} is for ${formatPlatform(actual)}, not for ${formatPlatform(platform)}`;
      if (values.platform !== undefined) {
        throw new JettisonError('PLATFORM_MISSING', difference, {
          hint: `Leave --platform out to take it all the same.`,
        });
      }
      io.stderr.write(`warning: ${visible(difference)}\n`);
    }
    const complete = image.manifest.layers.every(({ digest, size }) => store.blobs.has(digest, size));
    await fetchLayers(store, registries, image, values.quiet ? undefined : view.onProgress);
    view.end();
    if (!values.quiet) {
      const { digest } = image.index?.descriptor ?? image.descriptor;
      io.stdout.write(`Digest: ${digest}\n`);
      const what = before === digest && complete ? 'Image is up to date' : 'Downloaded newer image';
      io.stdout.write(`Status: ${what} for ${familiarName(reference)}\n`);
    }
    io.stdout.write(`${canonicalName(reference)}\n`);
    return 0;
  } finally {
    view.end();
    registries.close();
    end();
    store.close();
  }
}

export const command: Command = { help, run };
