import { join } from 'node:path';
import type { SeccompProfile, TerminalSize, Ulimit, User } from '../protocol/exec-request.ts';
import { CAPABILITY_NAMES } from './capabilities.ts';
import { DEVICE_NUMBERS } from './devices.ts';
import type { MountLine } from './mount-table.ts';
import type { RootPlan } from './rootfs.ts';

/** The settings of one command's bundle. */
export interface RuntimeConfigOptions {
  /** Absolute path of the root, which is mounted, unlike the mounts inside it. */
  root: string;
  /** Whether all devices are allowed; else only those of every /dev. */
  devices: boolean;
  plan: Pick<RootPlan, 'mounts' | 'nested' | 'masked' | 'readonly'>;
  args: readonly string[];
  /** `K=V`. */
  environment: readonly string[];
  cwd: string;
  user: User;
  /** Names as in `capabilities.ts`. */
  capabilities: readonly string[];
  noNewPrivileges: boolean;
  ulimits: readonly Ulimit[];
  /** The runtime makes a terminal for the command, and forwards it. */
  terminal: TerminalSize | undefined;
  /** Absent: all calls are allowed. */
  seccomp?: SeccompProfile | undefined;
  /** The compiled filter, for runtimes that accept one: compiling it is their slowest part. */
  filter?: Buffer | undefined;
  /** Words of the hook of `remountCommand`. */
  remount?: readonly string[] | undefined;
}

/** The `process` of a bundle, which is also the input of a runtime's `exec`. */
type RuntimeProcess = Pick<
  RuntimeConfigOptions,
  'args' | 'environment' | 'cwd' | 'user' | 'capabilities' | 'noNewPrivileges' | 'ulimits' | 'terminal'
>;

/** Docker's rules: only the devices of every /dev, and terminals. All kinds of nodes can be made. */
const DEVICE_RULES = [
  { allow: false, access: 'rwm' },
  { allow: true, type: 'c', access: 'm' },
  { allow: true, type: 'b', access: 'm' },
  ...Object.values(DEVICE_NUMBERS).map(([major, minor]) => ({
    allow: true,
    type: 'c',
    major,
    minor,
    access: 'rwm',
  })),
  { allow: true, type: 'c', major: 5, minor: 1, access: 'rwm' },
  { allow: true, type: 'c', major: 5, minor: 2, access: 'rwm' },
  { allow: true, type: 'c', major: 136, access: 'rwm' },
];

/** Annotation of crun. */
const FILTER_ANNOTATION = 'run.oci.seccomp_bpf_data';
const VERSION = '1.0.2';
const UMASK = 0o22;

/**
 * The text of a bundle's `config.json`, by the OCI runtime specification. Network, IPC, UTS and cgroup namespaces are
 * those in which the runtime is started.
 */
export function runtimeConfig(options: RuntimeConfigOptions): string {
  const { root, devices, plan, seccomp, filter, remount } = options;
  const lines = [...plan.mounts, ...plan.nested.map(({ mount }) => mount)];
  const rest = JSON.stringify({
    ociVersion: VERSION,
    root: { path: root },
    mounts: lines.map((line) => runtimeMount(root, line)),
    ...(remount && { hooks: { createContainer: [{ path: remount[0], args: remount }] } }),
    ...(filter && { annotations: { [FILTER_ANNOTATION]: filter.toString('base64') } }),
    linux: {
      namespaces: [{ type: 'mount' }, { type: 'pid' }],
      maskedPaths: plan.masked.map(({ path }) => `/${path}`),
      readonlyPaths: plan.readonly.map((path) => `/${path}`),
      ...(devices ? {} : { resources: { devices: DEVICE_RULES } }),
      ...(seccomp === undefined ? {} : { seccomp }),
    },
  });
  return `{"process":${runtimeProcess(options)},${rest.slice(1)}`;
}

/** The text of a `process` object. */
export function runtimeProcess(options: RuntimeProcess): string {
  const { user, ulimits } = options;
  const capabilities = options.capabilities.map(capabilityName);
  // A user other than root has no capabilities, but the bounding set permits file capabilities.
  const own = user.uid === 0 ? capabilities : [];
  const text = JSON.stringify({
    terminal: options.terminal !== undefined,
    ...(options.terminal && {
      consoleSize: { height: options.terminal.rows, width: options.terminal.columns },
    }),
    user: { uid: user.uid, gid: user.gid, additionalGids: user.groups, umask: UMASK },
    args: options.args,
    env: options.environment,
    cwd: options.cwd,
    capabilities: { bounding: capabilities, effective: own, permitted: own, inheritable: [], ambient: [] },
    noNewPrivileges: options.noNewPrivileges,
  });
  return ulimits.length === 0
    ? text
    : `${text.slice(0, -1)},"rlimits":[${ulimits.map(runtimeLimit).join(',')}]}`;
}

function capabilityName(name: string): string {
  if (!CAPABILITY_NAMES.includes(name)) throw new Error(`no capability is called ${name}`);
  return `CAP_${name.toUpperCase()}`;
}

/** JSON text, since "no limit" is 2⁶⁴ − 1, which a JavaScript number cannot represent. */
function runtimeLimit({ name, soft, hard }: Ulimit): string {
  const value = (limit: number) => (limit === -1 ? '18446744073709551615' : String(limit));
  return `{"type":"RLIMIT_${name.toUpperCase()}","soft":${value(soft)},"hard":${value(hard)}}`;
}

function runtimeMount(root: string, { source, target, type, options }: MountLine) {
  return {
    destination: `/${target}`,
    // Without a source it is mounted on itself.
    source: source ?? join(root, target),
    type: type === 'none' ? 'bind' : type,
    options: lastWords(options.split(',')),
  };
}

const OPPOSITES: Record<string, string> = {
  suid: 'nosuid',
  dev: 'nodev',
  exec: 'noexec',
  rw: 'ro',
  nosuid: 'suid',
  nodev: 'dev',
  noexec: 'exec',
  ro: 'rw',
};

/** Removes options that a later one contradicts, as in mount(8): runtimes differ in this. */
function lastWords(options: string[]): string[] {
  return options.filter((option, at) => !options.includes(OPPOSITES[option] ?? '', at + 1));
}
