import type { RunInstruction } from '../dockerfile/ast.ts';
import type { ResolvedMount } from '../dockerfile/mount.ts';
import { JettisonError } from '../errors/error.ts';
import { absoluteDestination, absolutePath } from './copy-step.ts';
import type { CopyFrom, RunMount } from './plan.ts';
import type { StageState } from './stage-state.ts';

type MountFlag = RunInstruction['mounts'][number];

/** The sources of `from=`, by parsed mount. */
export interface MountSources {
  get(flag: MountFlag): CopyFrom | undefined;
}

/** Default target of an SSH mount, followed by its number, as in BuildKit. */
const AGENT_TARGET = '/run/buildkit/ssh_agent.';

/** The name in `from=`, which is not expanded. Undefined without one. */
export function mountFrom(flag: MountFlag): { text: string } | undefined {
  const value = flag.options.findLast(({ key }) => key === 'from')?.value;
  return value === undefined || value.text === '' ? undefined : value;
}

/**
 * Plans the mounts of a RUN, with Docker's defaults.
 *
 * @throws JettisonError `MOUNT_INVALID`
 */
export function planMounts(
  state: StageState,
  instruction: RunInstruction,
  { sources, cacheNamespace }: { sources: MountSources; cacheNamespace: string | undefined },
): RunMount[] {
  let agents = 0;
  return instruction.mounts.map((flag): RunMount => {
    const mount = state.mount(flag);
    if (mount.type === 'secret') return planSecret(state, mount);
    if (mount.type === 'ssh') return planAgent(state, mount, `${AGENT_TARGET}${agents++}`);
    const at = target(state, mount, flag);
    if (mount.type === 'tmpfs') {
      return { type: 'tmpfs', target: at, ...(mount.size === undefined ? {} : { size: mount.size }) };
    }
    const from = sources.get(flag);
    if (mount.type === 'cache') return planCache(mount, at, from, cacheNamespace);
    return {
      type: 'bind',
      from: from ?? { kind: 'context' },
      source: mount.source ?? '',
      target: at,
      readOnly: mount.readOnly,
    };
  });
}

function planAgent(state: StageState, mount: ResolvedMount, fallback: string): RunMount {
  return {
    type: 'ssh',
    id: mount.id ?? mount.source ?? 'default',
    target: absolutePath(state.cwd, mount.target || fallback),
    required: mount.required,
    mode: mount.mode ?? 0o600,
    uid: mount.uid ?? 0,
    gid: mount.gid ?? 0,
  };
}

function planSecret(state: StageState, mount: ResolvedMount): RunMount {
  const id = mount.id ?? mount.source ?? mount.target!.slice(mount.target!.lastIndexOf('/') + 1);
  const written = mount.target || (mount.env === undefined ? `/run/secrets/${id}` : undefined);
  return {
    type: 'secret',
    id,
    ...(written === undefined ? {} : { target: absoluteDestination(state.cwd, written) }),
    ...(mount.env === undefined ? {} : { env: mount.env }),
    required: mount.required,
    mode: mount.mode ?? 0o400,
    uid: mount.uid ?? 0,
    gid: mount.gid ?? 0,
  };
}

/** @param namespace prefix of the id, which separates caches of the same id, as in BuildKit */
function planCache(
  mount: ResolvedMount,
  at: string,
  from: CopyFrom | undefined,
  namespace: string | undefined,
): RunMount {
  // As in Docker the default id is the target as written, not its absolute path.
  const id = mount.id || normalised(mount.target ?? '');
  return {
    type: 'cache',
    id: namespace ? `${namespace}/${id}` : id,
    target: at,
    readOnly: mount.readOnly,
    sharing: mount.sharing ?? 'shared',
    ...(from === undefined ? {} : { from }),
    source: absolutePath('/', mount.source ?? '').slice(1),
    mode: mount.mode ?? 0o755,
    uid: mount.uid ?? 0,
    gid: mount.gid ?? 0,
  };
}

/** The absolute target of a mount: relative to the working directory, which is also the default. */
function target(state: StageState, mount: ResolvedMount, { location }: MountFlag): string {
  const path = absolutePath(state.cwd, mount.target ?? '');
  if (path !== '/' || dependsOnBase(state, mount)) return path;
  const what = mount.target
    ? `The mount's target "${mount.target}" is`
    : 'The mount has no target, and the working directory is';
  throw new JettisonError('MOUNT_INVALID', `${what} the root directory`, {
    location,
    hint: 'Mount it on a directory below: target=/path, or a WORKDIR before.',
  });
}

/** Whether a mount's target may depend on an unknown base image. */
function dependsOnBase(state: StageState, { target = '' }: ResolvedMount): boolean {
  return state.isUncertain || (state.baseUnknown && !target.startsWith('/') && !state.cwdKnown);
}

/** A normalised path. A relative path stays relative, and an empty one becomes ".". */
function normalised(path: string): string {
  const absolute = absolutePath('/', path);
  return path.startsWith('/') ? absolute : absolute.slice(1) || '.';
}
