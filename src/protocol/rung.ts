/**
 * The rungs of the ladder: ways to run a command, the best first. Each has a probe in host/probes/ and a root in
 * worker/run/.
 */
export const RUNGS = {
  /** crun or runc. */
  oci: { mounts: true },
  /** Namespaces made with util-linux. */
  namespaces: { mounts: true },
  /** A chroot in a copy of the tree. */
  chroot: { mounts: false },
  /** Runs no commands. */
  none: { mounts: false },
} as const satisfies Record<string, RungTraits>;

interface RungTraits {
  /** The worker has namespaces and mounts, so the root is an overlay. */
  mounts: boolean;
}

export type RungName = keyof typeof RUNGS;

export const RUNG_NAMES = Object.keys(RUNGS) as RungName[];

/** Values of `--rung`: the best rung that works, or a named one. */
export const RUNG_CHOICES = ['auto', ...RUNG_NAMES] as const;

export type RungChoice = (typeof RUNG_CHOICES)[number];

export type RuntimeName = 'crun' | 'runc';

/** The OCI runtime of a running container, in which `exec` starts further commands. */
export interface RunningRuntime {
  name: RuntimeName;
  /** Absolute path in the mount namespace of the sandbox's first process: see `runtimePlaces`. */
  folder: string;
}

/**
 * The namespaces of a worker.
 *
 * - `root`: a mount namespace, of the machine's root.
 * - `nested`: a mount namespace, of the root of an existing user namespace with several ids.
 * - `ranges`: a user namespace with the ids that /etc/subuid grants.
 * - `single`: a user namespace with one id, this user's, mapped to root.
 * - `none`: no namespaces and no mounts.
 */
export type Isolation = 'root' | 'nested' | 'ranges' | 'single' | 'none';

/** The mode of a worker, chosen before its start. */
export interface WorkerMode {
  isolation: Isolation;
  rung: RungName;
  /** The runtime of the rung `oci`. */
  runtime?: RuntimeName;
}
