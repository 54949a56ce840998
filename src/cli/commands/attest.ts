import { usageError } from '../../errors/error.ts';
import { booleanOf } from '../../fields/csv.ts';
import { openDocuments } from '../../images/documents.ts';
import { DOCUMENT_FORMS } from '../../images/open-image.ts';
import { useRegistries } from '../../registry/registries.ts';
import { useStore } from '../../store/store.ts';
import { defineCommand } from '../command.ts';
import { PLATFORM_FLAGS, REGISTRY_FLAGS } from '../flags/common.ts';

export const command = defineCommand({
  usage: 'jettison attest [OPTIONS] IMAGE',
  about: `Lists the attestations of an image: in-toto statements that are stored beside it, such as its SBOM and its
provenance. Shows one of them with --show. Adds some with --sbom and --predicate: the image stays as it is, and its names
stand for an index of the image and its attestations.`,
  flags: {
    format: {
      value: 'FORMAT',
      suggest: ['json', '{{json .Provenance}}', '{{json .SBOM}}'],
      help: "json, or a Go template as imagetools has it: '{{json .Provenance}}'",
    },
    'oci-artifact': {
      value: 'true|false',
      suggest: ['true', 'false'],
      help: 'With false, what is added looks like an image, as before BuildKit 0.32',
      parse: (text: string) => booleanOf(text, 'oci-artifact'),
    },
    ...PLATFORM_FLAGS,
    predicate: { value: 'FILE', help: 'Add the JSON of this file, of the type that --type says' },
    ...REGISTRY_FLAGS,
    remote: { help: 'Read the attestations from the registry, even if the store has the image' },
    sbom: { help: 'Add an SBOM, as SPDX 2.3' },
    show: {
      value: 'TYPE',
      suggest: ['sbom', 'provenance'],
      help: 'Print what an attestation says: sbom, provenance or the URI of a type',
    },
    type: { value: 'URI', help: 'The type of --predicate, such as https://openvex.dev/ns/v0.2.0' },
  },
  notes: `IMAGE is a name or an id in the store, else a name in a registry, or one of
${DOCUMENT_FORMS.join(', ')}. Only images of the store can be added to. An attestation takes the place of one of the same type.

Provenance is made by the build that it is about: \`jettison build --provenance\`. Where all is cached, that takes no step,
and the image stays the same.`,
  examples: [
    'jettison attest app',
    'jettison attest --show sbom app > app.spdx.json',
    "jettison attest --format '{{json .SBOM}}' registry.example.com/app",
    'jettison attest --sbom app',
    'jettison attest --predicate vex.json --type https://openvex.dev/ns/v0.2.0 app',
  ],
  async run({ flags, args, io }) {
    const { predicate, type, sbom, show, format, remote, platform } = flags;
    if ((predicate === undefined) !== (type === undefined)) {
      throw usageError('--predicate and --type go together', 'Write --predicate FILE --type URI.');
    }
    const adds = sbom || predicate !== undefined;
    if (adds && (show !== undefined || format !== undefined || remote)) {
      throw usageError('--sbom and --predicate add, and do not show', 'Look at the image afterwards.');
    }
    if (show !== undefined && format !== undefined) {
      throw usageError('--show and --format contradict each other', 'Use one of them.');
    }
    if (adds) {
      const { addAttestations } = await import('../add-attestations.ts');
      const isArtifact = flags['oci-artifact'] ?? true;
      const file = predicate === undefined ? undefined : { path: predicate, type: type! };
      await addAttestations(args[0]!, { sbom, file, platform, isArtifact }, io);
      return 0;
    }
    const { showAttestations } = await import('../print/show-attestations.ts');
    const { env, signal, cwd } = io;
    const insecure = flags['registry-insecure'];
    return useStore(io, (store) =>
      useRegistries({ env, signal, insecure }, async (registries) => {
        const documents = await openDocuments(args[0]!, { store, registries, cwd, remote, signal });
        try {
          await showAttestations(documents, { show, format, platform }, io);
        } finally {
          await documents.close?.();
        }
        return 0;
      }),
    );
  },
});
