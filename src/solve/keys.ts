import { withoutCredentials } from '../errors/safe-text.ts';
import { type Digest, digestOf } from '../image/digest.ts';
import type { CopyFrom, RemoteSource, StageBase, Step } from '../plan/plan.ts';
import { KEY_VERSION } from '../store/records.ts';
import type { RunSettings } from './solve-context.ts';

/**
 * The instruction of a step, without its inputs: the readable part of its keys. All fields are included, except those
 * named here. Steps contain names of secrets, never their values; proxy settings are excluded. As in BuildKit, settings
 * for all RUNs are included, but not limits (memory, CPUs, time).
 */
export function instructionOf(
  step: Step,
  time: number,
  { hosts, ulimits, shmSize }: Pick<RunSettings, 'hosts' | 'ulimits' | 'shmSize'>,
): Record<string, unknown> {
  switch (step.kind) {
    case 'copy': {
      const { id: _id, title: _title, location: _location, source: _source, ...keyed } = step;
      return { ...keyed, remotes: step.remotes.map(withoutLogin), from: kindOf(step.from), time };
    }
    case 'workdir': {
      const { id: _id, title: _title, location: _location, source: _source, ...keyed } = step;
      return { ...keyed, time };
    }
    case 'run': {
      const {
        id: _id,
        title: _title,
        location: _location,
        source: _source,
        hiddenEnv: _proxies,
        ...keyed
      } = step;
      const mounts = step.mounts.map((mount) =>
        'from' in mount ? { ...mount, from: kindOf(mount.from) } : mount,
      );
      return {
        ...keyed,
        env: [...step.env].sort(),
        mounts,
        hosts,
        ...(ulimits.length === 0 ? {} : { ulimits }),
        ...(shmSize === undefined ? {} : { shmSize }),
      };
    }
  }
}

/** A source without credentials, which do not change its content and must not be recorded. */
function withoutLogin(remote: RemoteSource): RemoteSource {
  return remote.kind === 'http'
    ? { ...remote, url: withoutCredentials(remote.url) }
    : { ...remote, source: { ...remote.source, url: withoutCredentials(remote.source.url) } };
}

/** The kind of a source of files; the files themselves are observed. */
function kindOf(from: CopyFrom | undefined): CopyFrom['kind'] | undefined {
  return from?.kind;
}

/** Definition digest of a stage's base. @param parent definition digest of a base that is a stage */
export function baseDefinition(base: StageBase, parent: Digest | undefined): Digest {
  switch (base.kind) {
    case 'scratch':
      return digestOf({ base: 'scratch' });
    case 'image':
      return digestOf({ base: 'image', manifest: base.image.digest });
    case 'stage':
      return parent!;
  }
}

/**
 * Definition digest of a step: equal if its instruction and the definitions of all its inputs are equal. The result is
 * then known without computing the key.
 *
 * @param source digest of a COPY's source: of the selected context files, or the definition of the stage or image
 */
export function stepDefinition(
  instruction: Record<string, unknown>,
  below: Digest,
  source: Digest | undefined,
): Digest {
  return digestOf({ version: KEY_VERSION, instruction, below, source });
}

/** Key of a step: equal if its instruction and its observations are equal. */
export function stepKey(instruction: Record<string, unknown>, observations: Record<string, unknown>): Digest {
  return digestOf({ version: KEY_VERSION, instruction, observations });
}
