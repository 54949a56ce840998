import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { ParseArgsConfig, parseArgs } from 'node:util';
import { parseDuration } from '../../dockerfile/duration.ts';
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
import { usageError } from '../usage.ts';
import { bytes, host, positive, ulimit } from './limits.ts';
import { securityOptions } from './security-opt.ts';

export const USAGE = 'usage: jettison run [OPTIONS] IMAGE [COMMAND] [ARG...]';

const many = { type: 'string', multiple: true } as const;

export const options = {
  'add-host': many,
  'cap-add': many,
  'cap-drop': many,
  cpus: { type: 'string' },
  detach: { type: 'boolean', short: 'd' },
  entrypoint: { type: 'string' },
  env: { ...many, short: 'e' },
  'env-file': many,
  hardened: { type: 'boolean' },
  'health-cmd': { type: 'string' },
  'health-interval': { type: 'string' },
  'health-retries': { type: 'string' },
  'health-start-interval': { type: 'string' },
  'health-start-period': { type: 'string' },
  'health-timeout': { type: 'string' },
  hostname: { type: 'string', short: 'h' },
  init: { type: 'boolean' },
  interactive: { type: 'boolean', short: 'i' },
  memory: { type: 'string', short: 'm' },
  name: { type: 'string' },
  network: { type: 'string' },
  'no-healthcheck': { type: 'boolean' },
  'pids-limit': { type: 'string' },
  publish: { ...many, short: 'p' },
  pull: { type: 'string' },
  'read-only': { type: 'boolean' },
  rm: { type: 'boolean' },
  'security-opt': many,
  'shm-size': { type: 'string' },
  'stop-signal': { type: 'string' },
  'stop-timeout': { type: 'string' },
  tmpfs: many,
  tty: { type: 'boolean', short: 't' },
  ulimit: many,
  user: { type: 'string', short: 'u' },
  volume: { ...many, short: 'v' },
  workdir: { type: 'string', short: 'w' },
} as const satisfies ParseArgsConfig['options'];

export type RunFlags = ReturnType<typeof parseArgs<{ options: typeof options }>>['values'];

const DEFAULT_STOP_TIMEOUT_S = 10;
const LEAST_NS = 1e6;

/** How a command is run, from the flags and what its image says. */
export function containerRequest(
  flags: RunFlags,
  config: RuntimeConfig,
  command: readonly string[],
  shell: Pick<Io, 'env' | 'cwd' | 'stdout'>,
): ContainerRequest {
  const hostname = flags.hostname ?? randomBytes(6).toString('hex');
  const terminal = flags.tty === true;
  const readonlyRoot = flags['read-only'] === true || flags.hardened === true;
  const process = runProcess(
    config,
    {
      command,
      env: [
        ...(flags['env-file'] ?? []).flatMap((file) => environmentFile(resolve(shell.cwd, file), shell.env)),
        ...environment(flags.env ?? [], shell.env),
      ],
      ...(flags.entrypoint === undefined ? {} : { entrypoint: flags.entrypoint }),
      ...(flags.user === undefined ? {} : { user: flags.user }),
      ...(flags.workdir === undefined ? {} : { cwd: absolute(flags.workdir) }),
    },
    hostname,
    terminal,
  );
  const added = flags['cap-add'] ?? [];
  const network = chosenNetwork(flags);
  // In the machine's network it would show the command what everybody else sends there.
  const sniffs = added.some((name) => /^(all|(cap_)?net_raw)$/i.test(name));
  const capabilities = chosenCapabilities(added, [
    ...(flags['cap-drop'] ?? []),
    ...(network === 'host' && !sniffs ? ['net_raw'] : []),
    ...(flags.hardened ? ['all'] : []),
  ]);
  const security = securityOptions(flags['security-opt'] ?? [], capabilities, shell.cwd);
  if (flags.hardened) {
    if (security.seccomp === 'unconfined')
      throw usageError('--hardened comes with a seccomp filter', 'leave it or seccomp=unconfined out');
    security.seccomp ??= builtinProfile(capabilities);
  }
  return {
    process: { ...process, ...(flags.interactive ? { stdin: { typed: true } } : {}) },
    mounts: mounts(flags, config, readonlyRoot, shell.cwd),
    network,
    ports: publishedPorts(flags.publish ?? []),
    hostname,
    hosts: (flags['add-host'] ?? []).map(host),
    ...(terminal ? { terminal: terminalSize(shell) } : {}),
    capabilities,
    noNewPrivileges: security.noNewPrivileges || flags.hardened === true,
    ...(security.seccomp === undefined ? {} : { seccomp: security.seccomp }),
    init: true,
    readonlyRoot,
    ulimits: (flags.ulimit ?? []).map(ulimit),
    ...(flags['shm-size'] === undefined ? {} : { shmSize: bytes(flags['shm-size']) }),
    limits: {
      ...(flags.memory === undefined ? {} : { memory: bytes(flags.memory) }),
      ...(flags.cpus === undefined ? {} : { cpus: positive('--cpus', flags.cpus) }),
      ...(flags['pids-limit'] === undefined ? {} : { pids: positive('--pids-limit', flags['pids-limit']) }),
    },
  };
}

/** How a container ends: the signal that asks for it, and how many seconds it has. */
export function stopping(
  flags: RunFlags,
  config: RuntimeConfig,
): { stopSignal: string; stopTimeout: number } {
  const stopSignal = flags['stop-signal'] ?? config.StopSignal ?? 'SIGTERM';
  signalNumber(stopSignal);
  const text = flags['stop-timeout'];
  if (text !== undefined && !/^\d+$/.test(text)) throw usageError(`"${text}" is no number of seconds`, USAGE);
  return { stopSignal, stopTimeout: text === undefined ? DEFAULT_STOP_TIMEOUT_S : Number(text) };
}

/** Capabilities that are as good as all of the machine: process 1 of a container is a program of the machine's. */
const WAYS_OUT = ['sys_admin', 'sys_ptrace'];

/** What to say about capabilities that undo what keeps a command in its container. */
export function capabilityNote(flags: Pick<RunFlags, 'cap-add' | 'cap-drop'>): string | undefined {
  const chosen = chosenCapabilities(flags['cap-add'] ?? [], flags['cap-drop'] ?? []);
  const open = WAYS_OUT.filter((name) => chosen.includes(name)).map((name) => name.toUpperCase());
  return open.length === 0
    ? undefined
    : `note: a root with ${open.join(' and ')} can leave its container: run only what you trust with it`;
}

/** The image's health check, with what the flags replace of it. */
export function healthcheck(flags: RunFlags, own: Healthcheck | undefined): Healthcheck | undefined {
  if (flags['no-healthcheck']) return undefined;
  const command = flags['health-cmd'];
  const duration = (name: keyof RunFlags & string, key: keyof Healthcheck) => {
    const text = flags[name] as string | undefined;
    if (text === undefined) return {};
    const value = parseDuration(text);
    if (value === undefined || (value !== 0 && value < LEAST_NS)) {
      throw usageError(`"${text}" is no duration for --${name}`, 'write e.g. 500ms, 10s or 1m30s');
    }
    return { [key]: value };
  };
  const check = {
    ...own,
    ...(command === undefined ? {} : { Test: ['CMD-SHELL', command] }),
    ...duration('health-interval', 'Interval'),
    ...duration('health-timeout', 'Timeout'),
    ...duration('health-start-period', 'StartPeriod'),
    ...duration('health-start-interval', 'StartInterval'),
    ...(flags['health-retries'] === undefined
      ? {}
      : { Retries: positive('--health-retries', flags['health-retries']) }),
  };
  return check.Test === undefined ? undefined : { ...check, Test: check.Test };
}

function mounts(flags: RunFlags, config: RuntimeConfig, readonlyRoot: boolean, cwd: string): ExecMount[] {
  const chosen = [
    ...(flags.volume ?? []).map((text) => volumeMount(text, cwd)),
    ...(flags.tmpfs ?? []).map(tmpfsMount),
  ];
  const isMounted = (target: string) => chosen.some((mount) => mount.target === target);
  if (flags.hardened && !isMounted('/tmp')) chosen.push({ type: 'tmpfs', target: '/tmp' });
  // What the image calls a volume stays writable.
  const volumes = readonlyRoot
    ? Object.keys(config.Volumes ?? {}).filter((target) => !isMounted(target))
    : [];
  return [...chosen, ...volumes.map((target): ExecMount => ({ type: 'volume', target }))];
}

function absolute(folder: string): string {
  if (folder.startsWith('/')) return folder;
  throw usageError(`the working directory "${folder}" is not absolute`, USAGE);
}

/** `K=V` as given; a bare `K` is this shell's, and nothing if it has none. */
export function environment(given: readonly string[], own: NodeJS.ProcessEnv): string[] {
  return given.flatMap((variable) => {
    if (variable === '' || variable.startsWith('=')) {
      throw usageError(`"${variable}" is no environment variable`, USAGE);
    }
    if (variable.includes('=')) return [variable];
    return own[variable] === undefined ? [] : [`${variable}=${own[variable]}`];
  });
}

/** The variables of a file, one a line; empty lines and those that start with `#` say nothing. */
function environmentFile(path: string, own: NodeJS.ProcessEnv): string[] {
  if (!existsSync(path)) throw usageError(`there is no file ${path}`, 'see --env-file');
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

/** The ports that `--publish` names: `[ADDRESS:][HOST:]CONTAINER[/PROTOCOL]`; without HOST it is the same number. */
export function publishedPorts(texts: readonly string[]): PublishedPort[] {
  return texts.map((text) => {
    const [, address, host, container, protocol] = PORT.exec(text) ?? [];
    const numbers = { host: Number(host || container), container: Number(container) };
    if (container === undefined || Object.values(numbers).some((port) => port < 1 || port > HIGHEST_PORT)) {
      throw usageError(`"${text}" is no port mapping`, 'write HOST:CONTAINER, e.g. -p 3000:3000');
    }
    return {
      ...(address === undefined ? {} : { address: address.replace(/^\[|\]$/g, '') }),
      ...numbers,
      protocol: protocol?.toLowerCase() === 'udp' ? 'udp' : 'tcp',
    };
  });
}

/** The network that flags ask for: ports are published from a private one, where there can be one. */
export function chosenNetwork(flags: Pick<RunFlags, 'network' | 'publish'>): 'host' | 'none' | 'private' {
  const text =
    flags.network ?? (flags.publish !== undefined && 'name' in networkHelper() ? 'private' : 'host');
  if (text === 'host' || text === 'none' || text === 'private') return text;
  throw usageError(`there is no network "${text}"`, 'the networks are host, none and private');
}

/** What to say about ports that somebody wants published from the machine's own network, or from none. */
export function portNote(flags: Pick<RunFlags, 'network' | 'publish'>): string | undefined {
  const ports = publishedPorts(flags.publish ?? []);
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
