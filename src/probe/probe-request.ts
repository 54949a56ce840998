import type { RuntimeConfig } from '../image/types.ts';
import type { ExecMount, PublishedPort } from '../protocol/exec-request.ts';
import { chosenCapabilities } from '../run/capability-options.ts';
import type { ContainerRequest } from '../run/container.ts';
import { runProcess } from '../run/process.ts';
import { builtinProfile } from '../run/seccomp-option.ts';

/** Processes and threads that a probed container may have: far above what services use. */
const MOST_PROCESSES = 4096;

export interface SandboxOptions {
  rights: 'plain' | 'hardened';
  /** Also without `hardened`. */
  readOnly: boolean;
  /** `K=V`, overriding the image's. */
  env: readonly string[];
  network: 'private' | 'host';
  ports: PublishedPort[];
}

/** How `jettison run` would run the image's own command, with `--hardened` or without. */
export function probeRequest(config: RuntimeConfig, options: SandboxOptions): ContainerRequest {
  const { rights, env, network, ports } = options;
  const isHardened = rights === 'hardened';
  const readonlyRoot = isHardened || options.readOnly;
  const capabilities = chosenCapabilities(
    [],
    [...(network === 'host' ? ['net_raw'] : []), ...(isHardened ? ['all'] : [])],
  );
  // A fixed name: what is probed twice must see the same.
  const hostname = 'probe';
  return {
    process: runProcess(config, { command: [], env }, hostname, false),
    mounts: probeMounts(config, isHardened, readonlyRoot),
    network,
    ports,
    hostname,
    hosts: [],
    capabilities,
    noNewPrivileges: isHardened,
    ...(isHardened ? { seccomp: builtinProfile(capabilities) } : {}),
    init: true,
    readonlyRoot,
    ulimits: [],
    limits: { pids: MOST_PROCESSES },
  };
}

/** Volumes stay writable on a read-only root; /tmp is in memory with `--hardened`. */
function probeMounts(config: RuntimeConfig, isHardened: boolean, readonlyRoot: boolean): ExecMount[] {
  const volumes = readonlyRoot ? Object.keys(config.Volumes ?? {}) : [];
  return [
    ...(isHardened && !volumes.includes('/tmp') ? [{ type: 'tmpfs', target: '/tmp' } as const] : []),
    ...volumes.map((target): ExecMount => ({ type: 'volume', target })),
  ];
}
