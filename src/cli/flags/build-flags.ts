import type { BuildOptions } from '../../build/build.ts';
import { usageError } from '../../errors/error.ts';
import { PROGRESS_MODES, type ProgressMode } from '../../events/create-renderer.ts';
import { namedBuilders } from '../../fleet/named-builders.ts';
import { formatPlatform, hostPlatform, parsePlatform } from '../../image/platform.ts';
import { parseReference } from '../../image/reference.ts';
import { RUNG_CHOICES } from '../../protocol/rung.ts';
import type { Io } from '../command.ts';
import {
  type Affects,
  asUsage,
  type Flag,
  type FlagIo,
  readArguments,
  type ValueOf,
  type Values,
  valuesOf,
} from '../flag.ts';
import type { CallRequest } from '../print/call.ts';
import { addAttestations, parseAttest, parseShort } from './attest.ts';
import { cacheSource, cacheTarget } from './cache.ts';
import { bytes, host, positive, timeout, ulimit } from './limits.ts';
import { OUTPUT_TYPES, type OutputFlag, outputFlags } from './output.ts';
import { parseSecret } from './secret.ts';
import { parseSsh } from './ssh.ts';

/** A flag of `build`, with the option of the library that it sets. */
interface BuildFlag extends Flag {
  affects: Affects;
  /** The option that gets its value. */
  to?: keyof BuildOptions;
  /** Sets options that differ from the value. Called if the flag is given. */
  set?(options: BuildOptions, value: never): void;
}

/** Makes a compile error at each flag whose value does not have the type of its option. */
type Fitting<T> = {
  [K in keyof T]: T[K] extends { to: infer O extends keyof BuildOptions }
    ? ValueOf<T[K]> extends BuildOptions[O] | undefined
      ? unknown
      : { to: 'the value is not of the type of this option' }
    : T[K] extends { set(options: BuildOptions, value: infer V): void }
      ? NonNullable<ValueOf<T[K]>> extends V
        ? unknown
        : { set: 'the value is not of the type of this parameter' }
      : unknown;
};

/** The value is true when it is left out. */
const BARE_ATTESTATION = { value: 'true', takes: /^(?:true|false|[a-z][a-z-]*=\S*)$/ };

function buildTable<const T extends Record<string, BuildFlag>>(table: T & Fitting<T>): T {
  return table;
}

/**
 * The flags of `jettison build`. A new one is a line here and the option of the library that it sets
 * (`BuildOptions`).
 */
export const BUILD_FLAGS = buildTable({
  'add-host': {
    value: 'NAME:ADDRESS',
    many: true,
    help: 'Add a line to /etc/hosts of RUN',
    affects: 'steps',
    parse: host,
    to: 'hosts',
  },
  allow: {
    value: 'ENTITLEMENT',
    many: true,
    values: ['security.insecure', 'network.host'],
    help: 'security.insecure or network.host: allow RUN --security=insecure or --network=host',
    affects: 'steps',
    set(options, allowed: string[]) {
      if (allowed.includes('security.insecure')) options.allowInsecure = true;
      if (allowed.includes('network.host')) options.allowHostNetwork = true;
    },
  },
  annotation: {
    value: '[KIND:]KEY=VALUE',
    many: true,
    suggest: ['manifest:', 'index:', 'manifest-descriptor:'],
    help: 'Annotate the manifest, or with KIND the index or the manifest-descriptor',
    affects: 'result',
  },
  attest: {
    value: 'type=TYPE[,…]',
    many: true,
    suggest: ['type=sbom', 'type=provenance', 'type=provenance,mode=min', 'type=provenance,mode=max'],
    help: 'Store an SBOM (type=sbom) or SLSA provenance (type=provenance) with the image: see docs/attest.md',
    affects: 'result',
    parse: parseAttest,
  },
  budget: {
    help: 'Fail when the image is over the budget of this directory: see `jettison budget --help`',
    affects: 'result',
  },
  'build-arg': {
    value: 'NAME[=VALUE]',
    many: true,
    help: 'Set a build argument; without value, from the environment',
    affects: 'steps',
    withheld: (text) => (text.includes('=') ? text.split('=')[0] : undefined),
    parse: buildArg,
    set: (options, args: [string, string][][]) => {
      options.buildArgs = Object.fromEntries(args.flat());
    },
  },
  'build-context': {
    value: 'NAME=PLACE',
    many: true,
    help:
      'Use PLACE for the stage, image or context NAME: a directory, a tar, a git or http URL, docker-image://IMAGE or ' +
      'oci-layout://FOLDER[:TAG|@DIGEST]',
    affects: 'steps',
    withheld(text) {
      const [name, place = ''] = text.split(/=(.*)/s);
      return isSecretUrl(place) ? name : undefined;
    },
    parse: buildContext,
    set: (options, contexts: [string, string][]) => {
      options.contexts = Object.fromEntries(contexts);
    },
  },
  builder: {
    value: 'ADDRESS',
    many: true,
    suggest: ['docker://', 'tcp://', 'unix://', 'ssh://', 'docker-container://', 'kube-pod://'],
    help: 'Run RUN on this BuildKit builder: see docs/fleet.md; may be given several times',
    affects: 'steps',
    to: 'builders',
  },
  'cache-from': {
    value: 'PLACE',
    many: true,
    suggest: ['type=registry,ref=', 'type=local,src='],
    help: 'Reuse steps of other machines: NAME, type=registry,ref=NAME or type=local,src=FOLDER',
    affects: 'steps',
    parse: (text, { cwd }) => cacheSource(text, cwd),
    to: 'cacheFrom',
  },
  'cache-to': {
    value: 'PLACE',
    many: true,
    suggest: ['type=registry,ref=', 'type=local,dest=', 'type=inline'],
    help:
      'Keep steps for other machines: the same with dest=FOLDER, or type=inline; mode=max keeps those of all stages, ' +
      'cache-mounts=true the contents of cache mounts',
    affects: 'result',
    parse: (text, { cwd }) => cacheTarget(text, cwd),
    to: 'cacheTo',
  },
  call: {
    value: 'WHAT[,format=json]',
    suggest: ['check', 'outline', 'targets'],
    help:
      'Do not build, but show what --check finds (check), the inputs of the build (outline), or its stages ' +
      '(targets)',
    affects: 'display',
    parse: callRequest,
  },
  check: {
    help: 'Do not build, but check the Dockerfile; exit code 1 if there are findings',
    affects: 'display',
  },
  cpus: {
    value: 'NUMBER',
    help: 'Number of CPUs that one RUN may use',
    affects: 'steps',
    parse: positive,
    set: (options, cpus: number) => {
      options.limits = { ...options.limits, cpus };
    },
  },
  debug: {
    help: 'Open a shell where a RUN fails, like `jettison debug`; needs a terminal',
    affects: 'display',
  },
  fallback: {
    value: 'local|none',
    values: ['local', 'none'],
    help: 'Where RUN runs when no builder can: here (local, the default), or not at all (none)',
    affects: 'steps',
    to: 'fallback',
  },
  file: {
    short: 'f',
    value: 'FILE',
    help: 'The Dockerfile (default: PATH/Dockerfile); - reads standard input',
    affects: 'steps',
    to: 'file',
  },
  iidfile: { value: 'FILE', help: "Write the image's id to a file", affects: 'result' },
  isolation: {
    value: 'RUNG',
    values: RUNG_CHOICES,
    help: 'How RUN runs: auto (the best that works here), oci, namespaces, chroot, or none',
    affects: 'steps',
    to: 'isolation',
  },
  label: {
    value: 'NAME=VALUE',
    many: true,
    help: 'Add a label to the image',
    affects: 'result',
    parse: (text) => pair(text, '--label'),
    set: (options, labels: [string, string][]) => {
      options.labels = Object.fromEntries(labels);
    },
  },
  load: { help: 'Load the image into a running Docker or Podman engine, too', affects: 'result' },
  memory: {
    short: 'm',
    value: 'SIZE',
    help: 'Limit of the memory of one RUN, e.g. 2g',
    affects: 'steps',
    parse: bytes,
    set: (options, memory: number) => {
      options.limits = { ...options.limits, memory };
    },
  },
  'metadata-file': {
    value: 'FILE',
    help: 'Write facts about the result to a file, as JSON',
    affects: 'result',
  },
  network: {
    value: 'MODE',
    values: ['default', 'host', 'none'],
    help: 'Network of RUN: default (private, where permitted), host or none',
    affects: 'steps',
    to: 'network',
  },
  'no-cache': { help: 'Execute every step, without using earlier results', affects: 'result', to: 'noCache' },
  'no-cache-filter': {
    value: 'STAGE[,…]',
    many: true,
    help: 'The same for these stages only',
    affects: 'result',
    parse: (text) => text.split(',').filter((name) => name !== ''),
    set: (options, stages: string[][]) => {
      options.noCacheFilter = stages.flat();
    },
  },
  output: {
    short: 'o',
    value: 'FOLDER|type=TYPE,…',
    many: true,
    suggest: OUTPUT_TYPES.map((type) => `type=${type}`),
    help: `Destination of the result, instead of the store alone: ${OUTPUT_TYPES.join(', ')}; may be given several times`,
    affects: 'result',
  },
  'pids-limit': {
    value: 'NUMBER',
    help: 'Limit of the processes and threads of one RUN',
    affects: 'steps',
    parse: positive,
    set: (options, pids: number) => {
      options.limits = { ...options.limits, pids };
    },
  },
  platform: {
    value: 'PLATFORM[,…]',
    many: true,
    suggest: ['local', 'linux/amd64', 'linux/arm64', 'linux/arm/v7'],
    help: 'Platforms to build for, e.g. linux/arm64; several make an index of images',
    affects: 'steps',
    parse: platformNames,
  },
  progress: {
    value: 'MODE',
    values: PROGRESS_MODES,
    help: 'auto, tty, plain, github, quiet or rawjson (default: auto)',
    affects: 'display',
  },
  provenance: {
    value: 'true|false|mode=MODE',
    bare: BARE_ATTESTATION,
    suggest: ['true', 'false', 'mode=min', 'mode=max'],
    help: 'The same as --attest type=provenance',
    affects: 'result',
    parse: (text) => parseShort('provenance', text),
  },
  pull: {
    help: 'Look for newer base images even if the store has them',
    affects: 'result',
    to: 'pull',
  },
  push: { help: 'Push the image to the registries of its names, too', affects: 'result' },
  quiet: { short: 'q', help: "Print only the image's id", affects: 'display' },
  'registry-insecure': {
    help: 'Accept any certificate of registries, and plain http',
    affects: 'steps',
    to: 'registryInsecure',
  },
  reproducible: {
    help: 'Make the same digests on every machine: see docs/reproducible.md',
    affects: 'steps',
    to: 'reproducible',
  },
  sbom: {
    value: 'true|false',
    bare: BARE_ATTESTATION,
    suggest: ['true', 'false'],
    help: 'The same as --attest type=sbom',
    affects: 'result',
    parse: (text) => parseShort('sbom', text),
  },
  secret: {
    value: 'id=NAME[,src=FILE|,env=VARIABLE]',
    many: true,
    suggest: ['id='],
    help: 'Let RUN --mount=type=secret read a file or a variable',
    affects: 'steps',
    parse: (text, { env }) => parseSecret(text, env),
    set: (options, secrets: ReturnType<typeof parseSecret>[]) => {
      const all: NonNullable<BuildOptions['secrets']> = {};
      for (const { id, source } of secrets) {
        if (Object.hasOwn(all, id))
          throw usageError(`the secret "${id}" is given twice`, 'Use each id once.');
        all[id] = source;
      }
      options.secrets = all;
    },
  },
  'shm-size': {
    value: 'SIZE',
    help: 'Size of /dev/shm in RUN (default: 64m)',
    affects: 'steps',
    parse: bytes,
    to: 'shmSize',
  },
  ssh: {
    value: 'ID[=SOCKET]',
    many: true,
    suggest: ['default'],
    help: 'Let RUN --mount=type=ssh use an SSH agent (default: that of SSH_AUTH_SOCK)',
    affects: 'steps',
    parse: (text, { env }) => parseSsh(text, env),
    set: (options, agents: { id: string; socket: string }[]) => {
      options.ssh = Object.fromEntries(agents.map(({ id, socket }) => [id, socket]));
    },
  },
  tag: {
    short: 't',
    value: 'NAME[:TAG]',
    many: true,
    help: 'Name the image; may be given several times',
    affects: 'result',
    parse: newName,
    to: 'tags',
  },
  target: { value: 'STAGE', help: 'Build this stage (default: the last)', affects: 'steps', to: 'target' },
  timeout: {
    value: 'TIME',
    help: 'Time limit of one RUN, e.g. 10m (default: none)',
    affects: 'result',
    parse: timeout,
    to: 'timeout',
  },
  timings: {
    help: 'Print the time of each step at the end: see docs/timings.md',
    affects: 'display',
  },
  trace: {
    value: 'FILE',
    help: 'Write the timings to a file for Perfetto and chrome://tracing',
    affects: 'display',
  },
  ulimit: {
    value: 'NAME=SOFT[:HARD]',
    many: true,
    help: 'A resource limit of RUN, e.g. nofile=1024',
    affects: 'steps',
    parse: ulimit,
    to: 'ulimits',
  },
  watch: {
    help: 'Build again whenever a file that the build reads changes: see docs/watch.md',
    affects: 'display',
  },
});

/** Flags of `docker build` that are not supported, which have an error of their own. */
const UNSUPPORTED = new Set('--cgroup-parent --squash'.split(' '));

/** The parsed command line of a build. */
export interface BuildCommand {
  /** The library's options, without outputs and streams. */
  options: BuildOptions;
  flags: Values<typeof BUILD_FLAGS>;
  progress: ProgressMode;
  /** A question about the Dockerfile, to be answered instead of a build. */
  call: CallRequest | undefined;
  /** Empty for the store alone. */
  outputs: OutputFlag[];
}

/** @throws JettisonError with exit code 2 */
export function parseBuildCommand(
  line: readonly string[],
  io: FlagIo & Pick<Io, 'stdin' | 'signal'>,
  usage: string,
): BuildCommand {
  refuseUnsupported(line);
  const { given, args } = readArguments(BUILD_FLAGS, line, { usage });
  const flags = valuesOf(BUILD_FLAGS, given, io);
  const { env, signal } = io;
  const options: BuildOptions = { context: contextOf(args), env, signal };
  for (const name of new Set(given.map((flag) => flag.name))) {
    const { to, set } = (BUILD_FLAGS as Record<string, BuildFlag>)[name]!;
    const value = flags[name as keyof typeof flags];
    if (to !== undefined) Object.assign(options, { [to]: value });
    set?.(options, value as never);
  }
  const { attest, sbom, provenance } = flags;
  addAttestations(options, [...attest, ...[sbom, provenance].filter((one) => one !== undefined)]);
  const platforms = platformsOf(flags.platform, env);
  if (platforms.length === 1) options.platform = platforms[0]!;
  else if (platforms.length > 1) options.platforms = platforms;
  const named = namedBuilders(env);
  if (options.builders === undefined && named.length > 0) options.builders = named;
  if (flags.debug && options.builders !== undefined) {
    throw usageError('--debug is not possible with builders', 'Leave out --builder and JETTISON_BUILDERS.');
  }
  if (options.file === '-' || options.context === '-') options.stdin = io.stdin;
  return {
    options,
    flags,
    progress: flags.quiet ? 'quiet' : (flags.progress ?? defaultProgress(env)),
    call: callOf(flags.call, flags.check),
    outputs: asUsage('--output', () => outputFlags(flags)),
  };
}

function refuseUnsupported(line: readonly string[]): void {
  const end = line.indexOf('--');
  for (const arg of end < 0 ? line : line.slice(0, end)) {
    const flag = arg.split('=')[0]!;
    if (!UNSUPPORTED.has(flag)) continue;
    throw usageError(`${flag} is not supported yet`, 'See `jettison build --help` for the flags that are.');
  }
}

function defaultProgress(env: NodeJS.ProcessEnv): ProgressMode {
  const text = env['BUILDKIT_PROGRESS'] || 'auto';
  const mode = PROGRESS_MODES.find((one) => one === text);
  if (mode !== undefined) return mode;
  throw usageError(`invalid BUILDKIT_PROGRESS "${text}"`, `The values are ${PROGRESS_MODES.join(', ')}.`);
}

function contextOf(args: readonly string[]): string {
  const [context, extra] = args;
  if (context === undefined) {
    throw usageError(
      'the build context is missing',
      'Give a directory: `jettison build .`; an archive, a URL or - for standard input will do, too.',
    );
  }
  if (extra !== undefined) {
    throw usageError(
      `one build context is enough: "${extra}" is a second one`,
      'Flags take their values after = or a space.',
    );
  }
  return context;
}

function newName(name: string): string {
  if (parseReference(name).digest === undefined) return name;
  throw usageError(
    `"${name}" names a digest`,
    'A new image gets its digest by being built: leave out the part after @.',
  );
}

/** `NAME=VALUE`. A name alone takes the value of that environment variable, if it is set. */
export function buildArg(text: string, { env }: FlagIo): [string, string][] {
  const [name, value] = pair(text, '--build-arg');
  if (text.includes('=')) return [[name, value]];
  return env[name] === undefined ? [] : [[name, env[name]]];
}

function buildContext(text: string): [string, string] {
  const [name, place] = pair(text, '--build-context');
  if (place === '')
    throw usageError(`--build-context ${name} has no path`, 'Write --build-context NAME=PATH.');
  return [name, place];
}

/** A URL with a user (it may be a token), a password or a query. */
export function isSecretUrl(text: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\/([^/]*@|.*\?)/i.test(text);
}

function pair(text: string, flag: string): [string, string] {
  const equals = text.indexOf('=');
  const name = equals < 0 ? text : text.slice(0, equals);
  if (name === '') throw usageError(`${flag} ${text} has no name`, `Write ${flag} NAME=VALUE.`);
  return [name, equals < 0 ? '' : text.slice(equals + 1)];
}

const CALLS = ['build', 'check', 'outline', 'targets'] as const;

/** `--call=NAME[,format=text|json]` */
function callRequest(text: string): CallRequest | 'build' {
  const [name = '', ...options] = text.split(',');
  const what = CALLS.find((one) => one === (name === 'lint' ? 'check' : name));
  if (what === undefined) throw usageError(`invalid --call "${name}"`, `The values are ${CALLS.join(', ')}.`);
  let format: CallRequest['format'] = 'text';
  for (const option of options) {
    const value = /^format=(text|json)$/.exec(option)?.[1];
    if (value === undefined) {
      throw usageError(`invalid option "${option}" of --call`, 'It takes format=text and format=json.');
    }
    format = value as CallRequest['format'];
  }
  return what === 'build' ? what : { what, format };
}

/** `--check` is short for `--call=check`. */
function callOf(call: CallRequest | 'build' | undefined, check: boolean): CallRequest | undefined {
  if (call === undefined) return check ? { what: 'check', format: 'text' } : undefined;
  const what = call === 'build' ? call : call.what;
  if (check && what !== 'check') {
    throw usageError(`--check and --call=${what} contradict each other`, 'Use one of them.');
  }
  return call === 'build' ? undefined : call;
}

/** Parses `--platform`. `local` is this machine's platform. */
function platformNames(text: string): string[] {
  const machine = hostPlatform();
  return text.split(',').map((part) => {
    const name = part.trim();
    return formatPlatform(name === 'local' ? machine : parsePlatform(name, machine));
  });
}

/** The platforms without duplicates; default: those of DOCKER_DEFAULT_PLATFORM. */
function platformsOf(given: string[][], { DOCKER_DEFAULT_PLATFORM: fallback }: NodeJS.ProcessEnv): string[] {
  if (given.length > 0 || !fallback) return [...new Set(given.flat())];
  return [...new Set(asUsage('DOCKER_DEFAULT_PLATFORM', () => platformNames(fallback)))];
}
