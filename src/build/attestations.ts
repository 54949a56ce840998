import { imageSubjects, PREDICATE, type Statement, statementOf } from '../attest/in-toto.ts';
import type { AttestationRequest, ProvenanceMode } from '../attest/request.ts';
import { provenanceOf } from '../attest/slsa-provenance.ts';
import type { BuiltPlatform } from '../export/output.ts';
import type { Digest } from '../image/digest.ts';
import type { ImageParts } from '../image/image.ts';
import { formatPlatform } from '../image/platform.ts';
import type { Descriptor } from '../image/types.ts';
import { VERSION } from '../version.ts';
import { BuildFactsReader } from './build-facts.ts';
import type { OpenedBuild } from './open-build.ts';
import type { BuildOptions, BuildProvenance } from './options.ts';
import { sbomOf } from './sbom-of.ts';

/** Build arguments that make BuildKit scan the context and further stages. */
const SCAN_ARGS = ['BUILDKIT_SBOM_SCAN_CONTEXT', 'BUILDKIT_SBOM_SCAN_STAGE'];

export interface AttestationJob {
  options: BuildOptions;
  request: AttestationRequest;
  opened: OpenedBuild;
  built: readonly BuiltPlatform[];
  /** Canonical names of the image. */
  names: readonly string[];
  startedMs: number;
  /** Downloads a blob of the base into the store. */
  fetchBlob: (blob: Descriptor) => Promise<void>;
  /** Records how an image was made, which its SBOM says too. @param at of its platform */
  noteImage: (id: Digest, at: number) => void;
}

/** Makes the statements that a build attaches to its image. */
export class BuildAttestations {
  readonly #facts: BuildFactsReader;
  readonly #finishedMs = Date.now();
  /** Of the form of the image that was made first. */
  readonly #provenance: BuildProvenance[] = [];

  constructor(private readonly job: AttestationJob) {
    this.#facts = new BuildFactsReader(job.options, job.opened);
    if (job.request.sbom) this.#warnOfScanArgs();
  }

  /** In the order of the platforms. */
  get provenance(): BuildProvenance[] {
    return this.#provenance;
  }

  /** @param at of the image's platform */
  async statements(image: ImageParts, at: number): Promise<Statement[]> {
    const { request, built, names } = this.job;
    const { platform } = built[at]!;
    const subjects = imageSubjects(names, platform, image.descriptor.digest);
    const statements: Statement[] = [];
    if (request.sbom) {
      this.job.noteImage(image.id, at);
      statements.push(statementOf(PREDICATE.sbom, await this.#sbom(image), subjects));
    }
    if (request.provenance !== undefined) {
      const { mode = 'max' } = request.provenance;
      const predicate = await this.#provenanceOf(image, at);
      const attached = predicate(mode);
      this.#provenance[at] ??= { platform: formatPlatform(platform), min: predicate('min'), attached };
      statements.push(statementOf(PREDICATE.provenance, attached, subjects));
    }
    return statements;
  }

  async #provenanceOf(image: ImageParts, at: number): Promise<(mode: ProvenanceMode) => object> {
    const { request, opened, built, startedMs } = this.job;
    const ids = built[at]!.layers.map(({ id }) => id);
    const fixed = opened.epoch === undefined ? undefined : opened.epoch * 1000;
    const facts = {
      ...(await this.#facts.of(at, image, ids)),
      startedMs: fixed ?? startedMs,
      finishedMs: fixed ?? this.#finishedMs,
      builderId: request.provenance?.builderId ?? '',
      version: VERSION,
    };
    return (mode) => provenanceOf(facts, mode);
  }

  #sbom(image: ImageParts): Promise<object> {
    const { opened, names, fetchBlob } = this.job;
    const { store, signal } = opened.session;
    return sbomOf(image, names[0] ?? image.descriptor.digest, {
      ...{ store, signal, fetchBlob, time: opened.epoch },
    });
  }

  #warnOfScanArgs(): void {
    const { options, opened } = this.job;
    const given = Object.keys(options.buildArgs ?? {});
    const declared = opened.plans.flatMap(({ plan }) => plan.stages.flatMap(({ args }) => args));
    const found = SCAN_ARGS.filter((name) => given.includes(name) || declared.includes(name));
    if (found.length === 0) return;
    opened.session.emit({
      type: 'warning',
      code: 'SBOM_SCAN_ARGS',
      message: `${found.join(' and ')} ${found.length === 1 ? 'has' : 'have'} no effect: the SBOM is of the image alone`,
      hint: 'Build the other stage with --target and --sbom, or run `jettison sbom dir:PATH` on the context.',
    });
  }
}
