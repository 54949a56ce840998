import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseDuration } from '../../dockerfile/duration.ts';
import { usageError } from '../../errors/error.ts';
import type { Healthcheck, RuntimeConfig } from '../../image/types.ts';
import { networkHelper } from '../../machine/network-helper.ts';
import type { ExecMount, PublishedPort } from '../../protocol/exec-request.ts';
import { chosenCapabilities } from '../../run/capability-options.ts';
import type { ContainerRequest } from '../../run/container.ts';
import { tmpfsMount, volumeMount } from '../../run/mounts.ts';
import { runProcess } from '../../run/process.ts';
import { builtinProfile } from '../../run/seccomp-option.ts';
import { signalNumber } from '../../run/signals.ts';
import { terminalSize } from '../../run/terminal.ts';
import type { Io } from '../command.ts';
import type { FlagTable, Values } from '../flag.ts';
import { PROCESS_FLAGS } from './common.ts';
import { bytes, host, positive, seconds, ulimit } from './limits.ts';
import { securityOptions } from './security-opt.ts';

/** The flags of `run`; `RunFlags` has their values. */
export const RUN_FLAGS = {
  ...PROCESS_FLAGS,
  'add-host': { value: 'NAME:ADDRESS', many: true, help: 'Add a line to /etc/hosts', parse: host },
  'cap-add': { value: 'CAPABILITY', many: true, help: "Add a capability to Docker's default ones, or ALL" },
  'cap-drop': { value: 'CAPABILITY', many: true, help: 'Drop a capability, or ALL' },
  cpus: { value: 'NUMBER', help: 'Number of CPUs that it may use', parse: positive },
  detach: { short: 'd', help: "Run in the background and print the container's id; see ps, logs, stop" },
  entrypoint: { value: 'COMMAND', help: "Replace the image's ENTRYPOINT, and drop its CMD" },
  'env-file': { value: 'FILE', many: true, help: 'Set the variables of a file, one a line' },
  hardened: { help: '--read-only --cap-drop ALL --security-opt no-new-privileges --tmpfs /tmp' },
  'health-cmd': { value: 'COMMAND', help: 'Check the health with this command' },
  'health-interval': { value: 'TIME', help: 'Time between two checks (30s)', parse: healthTime },
  'health-retries': {
    value: 'NUMBER',
    help: 'Failures in a row that make it unhealthy (3)',
    parse: positive,
  },
  'health-start-interval': {
    value: 'TIME',
    help: 'Time between two checks in the start period (5s)',
    parse: healthTime,
  },
  'health-start-period': {
    value: 'TIME',
    help: 'Time in which failures do not count (0s)',
    parse: healthTime,
  },
  'health-timeout': { value: 'TIME', help: 'How long a check may take (30s)', parse: healthTime },
  hostname: { short: 'h', value: 'NAME', help: 'Host name in the container' },
  init: {
    help: 'Accepted for compatibility: an init always runs as PID 1',
  },
  memory: { short: 'm', value: 'SIZE', help: 'Limit of its memory, e.g. 512m', parse: bytes },
  name: { value: 'NAME', help: 'Name of the container for ps and stop' },
  network: {
    value: 'NETWORK',
    values: ['host', 'none', 'private'],
    help: 'host, none, or private (needs pasta or slirp4netns)',
  },
  'no-healthcheck': { help: 'Do not check the health' },
  'pids-limit': { value: 'NUMBER', help: 'Limit of its processes and threads', parse: positive },
  publish: {
    short: 'p',
    value: '[HOST:]PORT',
    many: true,
    help:
      "Publish a port of a private network; without pasta or slirp4netns the network is this machine's, and ports " +
      'need no publishing',
  },
  pull: {
    value: 'POLICY',
    values: ['missing', 'always', 'never'],
    help: 'Pull the image: missing (the default), always or never',
  },
  'read-only': { help: "The root file system cannot be changed; the image's volumes can" },
  rm: { help: 'Delete the container when it ends; implied in the foreground' },
  'security-opt': {
    value: 'OPTION',
    many: true,
    suggest: ['no-new-privileges', 'seccomp=builtin', 'seccomp=unconfined', 'seccomp='],
    help:
      "no-new-privileges; seccomp=builtin (the default where it can be set: Docker's filter of system calls), " +
      'seccomp=PROFILE or seccomp=unconfined',
  },
  'shm-size': { value: 'SIZE', help: 'Size of /dev/shm (64m)', parse: bytes },
  'stop-signal': { value: 'SIGNAL', help: 'Signal of stop', parse: signalName },
  'stop-timeout': { value: 'SECONDS', help: 'Seconds until stop kills the container (10)', parse: seconds },
  tmpfs: {
    value: 'PATH[:OPTIONS]',
    many: true,
    help: 'An empty folder in memory, e.g. /run:size=64m,mode=755',
  },
  ulimit: {
    value: 'NAME=SOFT[:HARD]',
    many: true,
    help: 'A resource limit of its processes, e.g. nofile=1024:4096',
    parse: ulimit,
  },
  volume: {
    short: 'v',
    value: 'SOURCE:TARGET[:ro]',
    many: true,
    help: 'Mount a folder or file of this machine in the container',
  },
  watch: { help: 'Restart the container whenever the image is built anew: see docs/watch.md' },
  workdir: { ...PROCESS_FLAGS.workdir, parse: absolute },
} as const satisfies FlagTable;

export type RunFlags = Values<typeof RUN_FLAGS>;

const DEFAULT_STOP_TIMEOUT_S = 10;
const LEAST_NS = 1e6;

/** The request for a container, from the flags and the image's config. */
export function containerRequest(
  flags: RunFlags,
  config: RuntimeConfig,
  command: readonly string[],
  shell: Pick<Io, 'env' | 'cwd' | 'stdout'>,
): ContainerRequest {
  const hostname = flags.hostname ?? randomBytes(6).toString('hex');
  const terminal = flags.tty;
  const readonlyRoot = flags['read-only'] || flags.hardened;
  const process = runProcess(
    config,
    {
      command,
      env: [
        ...flags['env-file'].flatMap((file) => environmentFile(resolve(shell.cwd, file), shell.env)),
        ...environment(flags.env, shell.env),
      ],
      ...(flags.entrypoint === undefined ? {} : { entrypoint: flags.entrypoint }),
      ...(flags.user === undefined ? {} : { user: flags.user }),
      ...(flags.workdir === undefined ? {} : { cwd: flags.workdir }),
    },
    hostname,
    terminal,
  );
  const added = flags['cap-add'];
  const network = chosenNetwork(flags);
  // In the machine's network, net_raw shows the traffic of all programs.
  const sniffs = added.some((name) => /^(all|(cap_)?net_raw)$/i.test(name));
  const capabilities = chosenCapabilities(added, [
    ...flags['cap-drop'],
    ...(network === 'host' && !sniffs ? ['net_raw'] : []),
    ...(flags.hardened ? ['all'] : []),
  ]);
  const security = securityOptions(flags['security-opt'], capabilities, shell.cwd);
  if (flags.hardened) {
    if (security.seccomp === 'unconfined')
      throw usageError(
        '--hardened sets a seccomp filter',
        'Leave out --hardened or --security-opt seccomp=unconfined.',
      );
    security.seccomp ??= builtinProfile(capabilities);
  }
  return {
    process: { ...process, ...(flags.interactive ? { stdin: { typed: true } } : {}) },
    mounts: mounts(flags, config, readonlyRoot, shell.cwd),
    network,
    ports: publishedPorts(flags.publish),
    hostname,
    hosts: flags['add-host'],
    ...(terminal ? { terminal: terminalSize(shell) } : {}),
    capabilities,
    noNewPrivileges: security.noNewPrivileges || flags.hardened,
    ...(security.seccomp === undefined ? {} : { seccomp: security.seccomp }),
    init: true,
    readonlyRoot,
    ulimits: flags.ulimit,
    ...(flags['shm-size'] === undefined ? {} : { shmSize: flags['shm-size'] }),
    limits: {
      ...(flags.memory === undefined ? {} : { memory: flags.memory }),
      ...(flags.cpus === undefined ? {} : { cpus: flags.cpus }),
      ...(flags['pids-limit'] === undefined ? {} : { pids: flags['pids-limit'] }),
    },
  };
}

/** The stop signal of a container, and its seconds until SIGKILL. */
export function stopping(
  flags: RunFlags,
  config: RuntimeConfig,
): { stopSignal: string; stopTimeout: number } {
  const stopSignal = flags['stop-signal'] ?? config.StopSignal ?? 'SIGTERM';
  signalNumber(stopSignal);
  return { stopSignal, stopTimeout: flags['stop-timeout'] ?? DEFAULT_STOP_TIMEOUT_S };
}

/** Capabilities that allow an escape: PID 1 of a container is a program of the machine. */
const WAYS_OUT = ['sys_admin', 'sys_ptrace'];

/** A warning about capabilities with which a command can leave its container. */
export function capabilityNote(flags: Pick<RunFlags, 'cap-add' | 'cap-drop'>): string | undefined {
  const chosen = chosenCapabilities(flags['cap-add'], flags['cap-drop']);
  const open = WAYS_OUT.filter((name) => chosen.includes(name)).map((name) => name.toUpperCase());
  return open.length === 0
    ? undefined
    : `note: a root with ${open.join(' and ')} can leave its container: run only what you trust with it`;
}

/** The image's health check, with the parts that the flags replace. */
export function healthcheck(flags: RunFlags, own: Healthcheck | undefined): Healthcheck | undefined {
  if (flags['no-healthcheck']) return undefined;
  const command = flags['health-cmd'];
  const duration = (name: `health-${string}` & keyof RunFlags, key: keyof Healthcheck) => {
    const value = flags[name];
    return value === undefined ? {} : { [key]: value };
  };
  const check = {
    ...own,
    ...(command === undefined ? {} : { Test: ['CMD-SHELL', command] }),
    ...duration('health-interval', 'Interval'),
    ...duration('health-timeout', 'Timeout'),
    ...duration('health-start-period', 'StartPeriod'),
    ...duration('health-start-interval', 'StartInterval'),
    ...(flags['health-retries'] === undefined ? {} : { Retries: flags['health-retries'] }),
  };
  return check.Test === undefined ? undefined : { ...check, Test: check.Test };
}

function mounts(flags: RunFlags, config: RuntimeConfig, readonlyRoot: boolean, cwd: string): ExecMount[] {
  const chosen = [...flags.volume.map((text) => volumeMount(text, cwd)), ...flags.tmpfs.map(tmpfsMount)];
  const isMounted = (target: string) => chosen.some((mount) => mount.target === target);
  if (flags.hardened && !isMounted('/tmp')) chosen.push({ type: 'tmpfs', target: '/tmp' });
  // The image's volumes stay writable.
  const volumes = readonlyRoot
    ? Object.keys(config.Volumes ?? {}).filter((target) => !isMounted(target))
    : [];
  return [...chosen, ...volumes.map((target): ExecMount => ({ type: 'volume', target }))];
}

export function absolute(folder: string): string {
  if (folder.startsWith('/')) return folder;
  throw usageError(`the working directory "${folder}" is not absolute`, 'Write it from the root: -w /DIR.');
}

function healthTime(text: string): number {
  const nanoseconds = parseDuration(text);
  if (nanoseconds !== undefined && (nanoseconds === 0 || nanoseconds >= LEAST_NS)) return nanoseconds;
  throw usageError(`invalid duration "${text}"`, 'Write e.g. 500ms, 10s or 1m30s.');
}

function signalName(text: string): string {
  signalNumber(text);
  return text;
}

/** `K=V` as given. A bare `K` takes the value of this process's variable, or is dropped if that is not set. */
export function environment(given: readonly string[], own: NodeJS.ProcessEnv): string[] {
  return given.flatMap((variable) => {
    if (variable === '' || variable.startsWith('=')) {
      throw usageError(`invalid environment variable "${variable}"`, 'Write -e NAME=VALUE, or -e NAME.');
    }
    if (variable.includes('=')) return [variable];
    return own[variable] === undefined ? [] : [`${variable}=${own[variable]}`];
  });
}

/** The variables of a file, one per line. Empty lines and those that begin with `#` are skipped. */
function environmentFile(path: string, own: NodeJS.ProcessEnv): string[] {
  if (!existsSync(path))
    throw usageError(`cannot read the file ${path}: it does not exist`, 'Check the name after --env-file.');
  const lines = readFileSync(path, 'utf8')
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .map((line) => line.trimStart());
  return environment(
    lines.filter((line) => line !== '' && !line.startsWith('#')),
    own,
  );
}

const PORT = /^(?:(\[[0-9a-f:]+\]|\d+(?:\.\d+){3}):)?(?:(\d*):)?(\d+)(?:\/(tcp|udp))?$/i;
const HIGHEST_PORT = 65535;

/** Parses `--publish`: `[ADDRESS:][HOST:]CONTAINER[/PROTOCOL]`; default for HOST: the same number. */
export function publishedPorts(texts: readonly string[]): PublishedPort[] {
  return texts.map((text) => {
    const [, address, host, container, protocol] = PORT.exec(text) ?? [];
    const numbers = { host: Number(host || container), container: Number(container) };
    if (container === undefined || Object.values(numbers).some((port) => port < 1 || port > HIGHEST_PORT)) {
      throw usageError(`invalid port mapping "${text}"`, 'Write HOST:CONTAINER, e.g. -p 3000:3000.');
    }
    return {
      ...(address === undefined ? {} : { address: address.replace(/^\[|\]$/g, '') }),
      ...numbers,
      protocol: protocol?.toLowerCase() === 'udp' ? 'udp' : 'tcp',
    };
  });
}

/** The network of the flags. With `--publish` it is a private one, if this machine can make it. */
export function chosenNetwork(flags: Pick<RunFlags, 'network' | 'publish'>): 'host' | 'none' | 'private' {
  return flags.network ?? (flags.publish.length > 0 && 'name' in networkHelper() ? 'private' : 'host');
}

/** A note about `--publish` with the machine's network, or without a network. */
export function portNote(flags: Pick<RunFlags, 'network' | 'publish'>): string | undefined {
  const ports = publishedPorts(flags.publish);
  const network = chosenNetwork(flags);
  if (ports.length === 0 || network === 'private') return undefined;
  if (network === 'none') return 'note: without a network no port can be published';
  const moved = ports.filter(({ host, container }) => host !== container);
  const note = "note: the command uses this machine's network: its ports are reachable as they are";
  if (moved.length === 0) return note;
  const helper = networkHelper();
  const stay = moved.map(({ host, container }) => `${container} is not moved to ${host}`).join(', ');
  return `${note}, so ${stay}; that takes ${'missing' in helper ? helper.missing : '--network private'}`;
}
