/**
 * The rungs of the ladder: ways of running a command, the best first. One line a rung; its probe is in host/probes/, its
 * root in worker/run/.
 */
export const RUNGS = {
  /** crun or runc. */
  oci: { mounts: true },
  /** Namespaces made with util-linux. */
  namespaces: { mounts: true },
  /** A copied tree. */
  chroot: { mounts: false },
  /** No command runs, everything else works. */
  none: { mounts: false },
} as const satisfies Record<string, RungTraits>;

interface RungTraits {
  /** The worker has namespaces and mounts: the root is an overlay, and its form of layers is what that takes. */
  mounts: boolean;
}

export type RungName = keyof typeof RUNGS;

export const RUNG_NAMES = Object.keys(RUNGS) as RungName[];

/** Which rung a build may use: the best that works, or one. */
export const RUNG_CHOICES = ['auto', ...RUNG_NAMES] as const;

export type RungChoice = (typeof RUNG_CHOICES)[number];

export type RuntimeName = 'crun' | 'runc';

/** A runtime that runs a command, for who wants to run another one beside it. */
export interface RunningRuntime {
  name: RuntimeName;
  /** Absolute path in the mount namespace of the sandbox's first process: see `runtimePlaces`. */
  folder: string;
}

/**
 * How a worker gets to mount things.
 * `root`: a mount namespace is enough. `nested`: so it is, since this process is root of a user namespace
 * with several ids already. `ranges`: a user namespace with the ids that /etc/subuid grants. `single`: a user
 * namespace in which only one id exists, this user's, shown as root. `none`: no namespaces, so it mounts nothing
 * and runs no commands.
 */
export type Isolation = 'root' | 'nested' | 'ranges' | 'single' | 'none';

/** The mode of a worker: decided before it is started, since it begins with how it is started. */
export interface WorkerMode {
  isolation: Isolation;
  rung: RungName;
  /** On the rung `oci`: which runtime. */
  runtime?: RuntimeName;
}
