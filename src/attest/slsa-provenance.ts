import { canonicalJson, hex, sha256 } from '../image/digest.ts';
import type { Descriptor } from '../image/types.ts';
import type { ProvenanceMode } from './request.ts';

/** Names the page that describes the predicate. */
const BUILD_TYPE = 'pkg:npm/jettison-build#docs/attest.md';

/** Something from elsewhere that a build used. */
export interface Dependency {
  uri: string;
  /** By algorithm: `sha256`, or `sha1` for commits of git. */
  digest: Record<string, string>;
  name?: string;
}

/** A step of a build, as provenance has it. */
export interface ProvenStep {
  id: string;
  /** The instruction as the Dockerfile has it. */
  instruction: string;
  line: number;
  /** Ids of steps and names of contexts and images that it reads. */
  inputs: string[];
  /** Digest of the instruction and its observations; absent where the build did not have to know. */
  key?: string;
  /** Digest of the facts that it read of its inputs. */
  observations?: string;
}

/** Everything that provenance is made from. */
export interface BuildFacts {
  /** Where the context is, when it is not on this machine. */
  source: Omit<Dependency, 'name'> | undefined;
  dockerfile: { path: string; text: string };
  /** Contexts of this machine. */
  locals: string[];
  /** `build-arg:NAME`, `label:NAME`, `target`, … */
  args: Record<string, string>;
  /** Keys of `args` whose values are or look like secrets. */
  withheld: string[];
  secrets: { id: string; optional: boolean }[];
  ssh: { id: string; optional: boolean }[];
  /** `linux/amd64` */
  builderPlatform: string;
  dependencies: Dependency[];
  steps: ProvenStep[];
  /** Packed layers that steps made, by step id. */
  layers: Record<string, Descriptor>;
  /** Whether no step could reach a network. */
  isHermetic: boolean;
  /** Of the repository that a local context belongs to. */
  vcs: { source?: string; revision: string } | undefined;
  /** Milliseconds since 1970. */
  startedMs: number;
  finishedMs: number;
  builderId: string;
  /** Of Jettison. */
  version: string;
}

/**
 * The predicate of SLSA provenance v1.
 *
 * Specification: https://slsa.dev/spec/v1.1/provenance
 */
export function provenanceOf(facts: BuildFacts, mode: ProvenanceMode): object {
  const all = mode === 'max';
  const { source, dockerfile, dependencies, steps, startedMs, finishedMs, builderId, version } = facts;
  const externalParameters = {
    configSource: { ...source, path: dockerfile.path },
    request: requestOf(facts, all),
  };
  const times = { startedOn: timestamp(startedMs), finishedOn: timestamp(finishedMs) };
  return {
    buildDefinition: {
      buildType: BUILD_TYPE,
      externalParameters,
      internalParameters: {
        builderPlatform: facts.builderPlatform,
        ...(all && { buildConfig: { steps: steps.map(({ line: _, ...step }) => step) } }),
      },
      ...(dependencies.length > 0 && { resolvedDependencies: dependencies }),
    },
    runDetails: {
      builder: { id: builderId, version: { jettison: version } },
      metadata: {
        // The same for all platforms of a build, and in both modes.
        invocationId: hex(sha256(canonicalJson([dockerfile.path, requestOf(facts, false), times]))).slice(
          0,
          25,
        ),
        ...times,
        jettison_hermetic: facts.isHermetic,
        jettison_completeness: {
          request: all && facts.withheld.length === 0,
          resolvedDependencies: facts.locals.length === 0,
        },
        jettison_metadata: metadataOf(facts, all),
      },
    },
  };
}

function requestOf({ locals, args, withheld, secrets, ssh }: BuildFacts, all: boolean): object {
  return {
    frontend: 'dockerfile.v0',
    ...(locals.length > 0 && { locals: locals.map((name) => ({ name })) }),
    ...(all && Object.keys(args).length > 0 && { args }),
    ...(all && withheld.length > 0 && { withheld }),
    ...(all && secrets.length > 0 && { secrets }),
    ...(all && ssh.length > 0 && { ssh }),
  };
}

function metadataOf({ dockerfile, steps, layers, vcs }: BuildFacts, all: boolean): object {
  const data = Buffer.from(dockerfile.text).toString('base64');
  const range = (line: number) => ({ start: { line }, end: { line } });
  return {
    ...(vcs !== undefined && { vcs }),
    ...(all && {
      source: {
        infos: [{ filename: dockerfile.path, language: 'Dockerfile', data }],
        locations: Object.fromEntries(
          steps.map(({ id, line }) => [id, { locations: [{ ranges: [range(line)] }] }]),
        ),
      },
      layers: Object.fromEntries(
        Object.entries(layers).map(([id, { mediaType, digest, size }]) => [
          id,
          [{ mediaType, digest, size }],
        ]),
      ),
    }),
  };
}

/** ISO 8601 without fractions of a second. */
function timestamp(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}
