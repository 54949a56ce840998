import { join } from 'node:path';
import type { SeccompProfile, TerminalSize, Ulimit, User } from '../protocol/exec-request.ts';
import { CAPABILITY_NAMES } from './capabilities.ts';
import { DEVICE_NUMBERS } from './devices.ts';
import type { MountLine } from './mount-table.ts';
import type { RootPlan } from './rootfs.ts';

/** The settings of one command's bundle. */
export interface RuntimeConfigOptions {
  /** Absolute path of the root, which is mounted already; what is in it is not. */
  root: string;
  /** Whether any device can be opened, if control groups and the root's mount allow; else only those of every /dev. */
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
  /** The runtime makes a terminal for the command, and passes on what goes through it. */
  terminal: TerminalSize | undefined;
  /** Absent: any call is allowed. */
  seccomp?: SeccompProfile | undefined;
  /** The same as a program for the kernel, for runtimes that take one: assembling it costs them more than all else. */
  filter?: Buffer | undefined;
  /** Words of a program that sets flags of the root's mount, once the runtime has made its own mount of it. */
  remount?: readonly string[] | undefined;
}

/** The process part of a bundle, by itself what `exec` takes. */
type RuntimeProcess = Pick<
  RuntimeConfigOptions,
  'args' | 'environment' | 'cwd' | 'user' | 'capabilities' | 'noNewPrivileges' | 'ulimits' | 'terminal'
>;

/** Docker's: nothing but the devices of every /dev, and terminals; nodes of all kinds may be made. */
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

/** crun's. */
const FILTER_ANNOTATION = 'run.oci.seccomp_bpf_data';
const VERSION = '1.0.2';
const UMASK = 0o22;

/**
 * The text of a bundle's `config.json`, by the OCI runtime specification. Namespaces for the network, IPC, the
 * host's name and control groups are those that the runtime is started in.
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
  // What a process that stops being root keeps: nothing, but programs may have file capabilities.
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

/** As text: "no limit" is a number that JavaScript's have no room for. */
function runtimeLimit({ name, soft, hard }: Ulimit): string {
  const value = (limit: number) => (limit === -1 ? '18446744073709551615' : String(limit));
  return `{"type":"RLIMIT_${name.toUpperCase()}","soft":${value(soft)},"hard":${value(hard)}}`;
}

function runtimeMount(root: string, { source, target, type, options }: MountLine) {
  return {
    destination: `/${target}`,
    // Something without a source is mounted on itself.
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

/** Of options that contradict each other the last one counts, as mount(8) has it; runtimes differ in that. */
function lastWords(options: string[]): string[] {
  return options.filter((option, at) => !options.includes(OPPOSITES[option] ?? '', at + 1));
}
