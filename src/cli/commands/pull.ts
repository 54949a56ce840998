import { JettisonError } from '../../errors/error.ts';
import { visible } from '../../errors/safe-text.ts';
import { formatPlatform, hostPlatform, matchPlatform } from '../../image/platform.ts';
import { canonicalName, familiarName, parseReference } from '../../image/reference.ts';
import { fetchAttestations, fetchLayers, pullImage } from '../../registry/pull.ts';
import { type Registries, useRegistries } from '../../registry/registries.ts';
import { type Store, useStore } from '../../store/store.ts';
import { defineCommand } from '../command.ts';
import { PLATFORM_FLAGS, REGISTRY_FLAGS } from '../flags/common.ts';
import { TransferView } from '../print/transfer-progress.ts';

export const command = defineCommand({
  usage: 'jettison pull [OPTIONS] NAME[:TAG|@DIGEST]',
  about: `Fetches an image from a registry into the store. Builds fetch the parts of their base images that they need:
pull fetches the whole image.`,
  flags: {
    ...REGISTRY_FLAGS,
    ...PLATFORM_FLAGS,
    quiet: { short: 'q', help: "Print only the image's name" },
  },
  notes: `Credentials are those of \`docker login\`, \`podman login\` and \`jettison login\`; where they are refused,
public images are read without them. HTTPS_PROXY and NO_PROXY are heeded. Certificates are checked with Node's
authorities and NODE_EXTRA_CA_CERTS, then with the system's or those of SSL_CERT_FILE. JETTISON_MIRRORS
(docker.io=https://mirror.example.com) names mirrors.`,
  examples: ['jettison pull node:22-alpine', 'jettison pull --platform linux/arm64 ghcr.io/team/app:1.4'],
  async run({ flags, args, io }) {
    const reference = parseReference(args[0]!);
    const platform = flags.platform ?? hostPlatform();
    const { env, signal } = io;
    const insecure = flags['registry-insecure'];
    const pull = async (store: Store, registries: Registries) => {
      const view = new TransferView(io, 'pull');
      try {
        const before = store.images.find(canonicalName(reference))?.manifest.digest;
        const image = await pullImage(store, registries, reference, platform);
        const actual = image.descriptor.platform!;
        if (matchPlatform(platform, actual) === 0) {
          const difference = `${familiarName(reference)} is for ${formatPlatform(actual)}, not for ${formatPlatform(platform)}`;
          if (flags.platform !== undefined) {
            throw new JettisonError('PLATFORM_MISSING', difference, {
              hint: 'Leave out --platform to use it.',
            });
          }
          io.stderr.write(`warning: ${visible(difference)}\n`);
        }
        const complete = image.manifest.layers.every(({ digest, size }) => store.blobs.has(digest, size));
        await fetchLayers(store, registries, image, flags.quiet ? undefined : view.onProgress);
        await fetchAttestations(store, registries, image).catch((error: unknown) => {
          if (!(error instanceof JettisonError)) throw error;
          // The image is whole without them.
          io.stderr.write(`warning: the attestations cannot be fetched: ${visible(error.message)}\n`);
        });
        view.end();
        if (!flags.quiet) {
          const { digest } = image.index?.descriptor ?? image.descriptor;
          io.stdout.write(`Digest: ${digest}\n`);
          const what = before === digest && complete ? 'Image is up to date' : 'Downloaded newer image';
          io.stdout.write(`Status: ${what} for ${familiarName(reference)}\n`);
        }
        io.stdout.write(`${canonicalName(reference)}\n`);
        return 0;
      } finally {
        view.end();
      }
    };
    return useStore(io, (store) =>
      useRegistries({ env, signal, insecure }, (registries) => pull(store, registries)),
    );
  },
});
