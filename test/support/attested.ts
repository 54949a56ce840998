import type { Statement } from '../../src/attest/in-toto.ts';
import type { Digest } from '../../src/image/digest.ts';
import type { Descriptor, Index, Manifest } from '../../src/image/types.ts';
import type { Store } from '../../src/store/store.ts';
import type { TestBuilds } from './build.ts';
import type { FakeRegistry } from './registry.ts';

/** An image with attestations, for one platform, as a store has it. */
export interface Stored {
  index: Index;
  /** Entry of its first image. */
  image: Descriptor;
  attached: Descriptor & { manifest: Manifest };
  /** By the type of their predicates. */
  statements: Record<string, Statement>;
}

/** The members of a provenance that tests read. */
export interface ProvenancePredicate {
  buildDefinition: {
    externalParameters: { configSource: object; request: { withheld?: string[] } };
    internalParameters: { buildConfig: { steps: { id: string }[] } };
    resolvedDependencies: object[];
  };
  runDetails: {
    builder: { id: string };
    metadata: {
      jettison_hermetic: boolean;
      jettison_completeness: { request: boolean };
      jettison_metadata: {
        source: { infos: { data: string }[] };
        layers: object;
        vcs: { source: string; revision: string };
      };
    };
  };
}

export function storedImage({ blobs }: Store, digest: string): Stored {
  const index = blobs.readJson<Index>(digest as Digest);
  const [image] = index.manifests;
  const entry = index.manifests.find(({ platform }) => platform?.os === 'unknown')!;
  const manifest = blobs.readJson<Manifest>(entry.digest);
  const statements = Object.fromEntries(
    manifest.layers.map((layer) => [
      layer.annotations!['in-toto.io/predicate-type']!,
      blobs.readJson<Statement>(layer.digest),
    ]),
  );
  return { index, image: image!, attached: { ...entry, manifest }, statements };
}

/** Builds an image with provenance, and pushes it. @returns the digest of its index */
export async function exportAttested(
  builds: TestBuilds,
  registry: FakeRegistry,
  name: string,
): Promise<string> {
  builds.write({ own: 'of the base' });
  const { digest } = await builds.build('FROM scratch\nCOPY own /own\n', {
    ...{ attest: { provenance: {} }, tags: [`${registry.host}/${name}`], registryInsecure: true },
    outputs: [{ type: 'image', push: true, insecure: true }],
  });
  return digest;
}
