import { parseArgs } from 'node:util';
import type { BuildOptions } from '../../build/build.ts';
import { EXIT, JettisonError } from '../../errors/error.ts';
import { PROGRESS_MODES, type ProgressMode } from '../../events/create-renderer.ts';
import { formatPlatform, hostPlatform, parsePlatform } from '../../image/platform.ts';
import { parseReference } from '../../image/reference.ts';
import { RUNG_CHOICES, type RungChoice } from '../../protocol/rung.ts';
import type { Call } from '../print/call.ts';
import { usageError } from '../usage.ts';
import { bytes, host, positive, timeout, ulimit } from './limits.ts';
import { type OutputFlag, outputFlags } from './output.ts';
import { parseSecret, type SecretSource } from './secret.ts';
import { parseSsh } from './ssh.ts';

/** What `jettison build` was asked for, checked as far as the command line alone allows. */
export interface BuildFlags {
  context: string;
  file?: string;
  target?: string;
  tags: string[];
  buildArgs: Record<string, string>;
  labels: Record<string, string>;
  secrets: Record<string, SecretSource>;
  /** Sockets of SSH agents, by id. */
  ssh: Record<string, string>;
  noCache: boolean;
  /** Stages of which nothing is looked up. */
  noCacheFilter: string[];
  pull: boolean;
  network?: 'host' | 'none';
  isolation?: RungChoice;
  /** What RUN steps get and may use. */
  run: Pick<
    BuildOptions,
    'hosts' | 'limits' | 'ulimits' | 'shmSize' | 'timeout' | 'allowInsecure' | 'allowHostNetwork'
  >;
  platform?: string;
  /** Several of them. */
  platforms?: string[];
  progress: ProgressMode;
  /** Print nothing but the image's id. */
  quiet: boolean;
  /** Open a shell where a RUN fails. */
  debug: boolean;
  /** Something to tell about the Dockerfile instead of building it. */
  call?: Call;
  /** Build contexts by name. */
  contexts: Record<string, string>;
  iidFile?: string;
  metadataFile?: string;
  /** Empty for the store alone. */
  outputs: OutputFlag[];
  /** Accept any certificate of registries, and plain http. */
  registryInsecure: boolean;
  reproducible: boolean;
  /** As typed: see `cache-flag.ts`. */
  cacheFrom: string[];
  cacheTo: string[];
}

/** As `parseArgs` takes them. */
export const BUILD_OPTIONS = {
  'add-host': { type: 'string', multiple: true },
  allow: { type: 'string', multiple: true },
  annotation: { type: 'string', multiple: true },
  'build-arg': { type: 'string', multiple: true },
  'build-context': { type: 'string', multiple: true },
  'cache-from': { type: 'string', multiple: true },
  'cache-to': { type: 'string', multiple: true },
  call: { type: 'string' },
  check: { type: 'boolean' },
  debug: { type: 'boolean' },
  file: { type: 'string', short: 'f' },
  iidfile: { type: 'string' },
  isolation: { type: 'string' },
  label: { type: 'string', multiple: true },
  load: { type: 'boolean' },
  'metadata-file': { type: 'string' },
  network: { type: 'string' },
  'no-cache': { type: 'boolean' },
  'no-cache-filter': { type: 'string', multiple: true },
  output: { type: 'string', short: 'o', multiple: true },
  memory: { type: 'string', short: 'm' },
  cpus: { type: 'string' },
  'pids-limit': { type: 'string' },
  'shm-size': { type: 'string' },
  timeout: { type: 'string' },
  ulimit: { type: 'string', multiple: true },
  platform: { type: 'string', multiple: true },
  progress: { type: 'string' },
  provenance: { type: 'string' },
  sbom: { type: 'string' },
  pull: { type: 'boolean' },
  push: { type: 'boolean' },
  quiet: { type: 'boolean', short: 'q' },
  'registry-insecure': { type: 'boolean' },
  reproducible: { type: 'boolean' },
  secret: { type: 'string', multiple: true },
  ssh: { type: 'string', multiple: true },
  tag: { type: 'string', short: 't', multiple: true },
  target: { type: 'string' },
} as const;

/** Flags of `docker build` that this version does not have; each is refused by its name. */
const LATER = new Set('--attest --builder --cgroup-parent --squash'.split(' '));

/** @throws JettisonError with exit code 2 */
export function parseBuildFlags(args: readonly string[], env: NodeJS.ProcessEnv): BuildFlags {
  const { values, positionals } = parseArgs({
    args: withoutBooleanValues(args.map(refuseLater)),
    options: BUILD_OPTIONS,
    allowPositionals: true,
  });
  refuseAttestation('--provenance', values.provenance);
  refuseAttestation('--sbom', values.sbom);
  const quiet = values.quiet ?? false;
  const flags: BuildFlags = {
    context: contextOf(positionals),
    tags: (values.tag ?? []).map(checkedTag),
    buildArgs: buildArgs(values['build-arg'] ?? [], env),
    labels: Object.fromEntries((values.label ?? []).map((label) => pair(label, '--label'))),
    secrets: secrets(values.secret ?? [], env),
    ssh: Object.fromEntries(
      (values.ssh ?? []).map((text) => parseSsh(text, env)).map(({ id, socket }) => [id, socket]),
    ),
    contexts: contexts(values['build-context'] ?? []),
    run: runSettings(values),
    outputs: asUsage(() => outputFlags(values)),
    registryInsecure: values['registry-insecure'] ?? false,
    reproducible: values.reproducible ?? false,
    cacheFrom: values['cache-from'] ?? [],
    cacheTo: values['cache-to'] ?? [],
    debug: values.debug ?? false,
    noCache: values['no-cache'] ?? false,
    noCacheFilter: (values['no-cache-filter'] ?? [])
      .flatMap((names) => names.split(','))
      .filter((name) => name !== ''),
    pull: values.pull ?? false,
    quiet,
    progress: quiet ? 'quiet' : progressMode(values.progress ?? env['BUILDKIT_PROGRESS']),
  };
  const call = callOf(values.call, values.check ?? false);
  if (call !== undefined) flags.call = call;
  const network = networkMode(values.network);
  if (network !== undefined) flags.network = network;
  if (values.isolation !== undefined) flags.isolation = rung(values.isolation);
  const wanted = values.platform ?? (env['DOCKER_DEFAULT_PLATFORM'] ? [env['DOCKER_DEFAULT_PLATFORM']] : []);
  const platforms = platformsOf(wanted);
  if (platforms.length === 1) flags.platform = platforms[0]!;
  else if (platforms.length > 1) flags.platforms = platforms;
  if (values.file !== undefined) flags.file = values.file;
  if (values.target !== undefined) flags.target = values.target;
  if (values.iidfile !== undefined) flags.iidFile = values.iidfile;
  if (values['metadata-file'] !== undefined) flags.metadataFile = values['metadata-file'];
  return flags;
}

function refuseLater(arg: string, index: number, all: readonly string[]): string {
  const flag = arg.startsWith('--') ? arg.split('=')[0]! : arg.slice(0, 2);
  if (!LATER.has(flag) || all.slice(0, index).includes('--')) return arg;
  throw usageError(
    `${flag} is not supported by this version yet`,
    'See `jettison build --help` for the flags that are.',
  );
}

/** Images have no attestations: only that may be asked for. */
function refuseAttestation(flag: string, value: string | undefined): void {
  if (value === undefined || value === 'false' || value === '0') return;
  throw usageError(
    `${flag}=${value} is not supported yet: images have no attestations`,
    `Leave ${flag} out, or give ${flag}=false.`,
  );
}

/** Docker's boolean flags take `=true` and `=false`; those of node:util do not. */
function withoutBooleanValues(args: readonly string[]): string[] {
  return args.flatMap((arg) => {
    const match =
      /^--(check|debug|load|no-cache|pull|push|quiet|registry-insecure|reproducible)=(true|1|false|0)$/.exec(
        arg,
      );
    if (match === null) return [arg];
    return match[2] === 'true' || match[2] === '1' ? [`--${match[1]}`] : [];
  });
}

function contextOf(positionals: string[]): string {
  const [context, extra] = positionals;
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

function checkedTag(tag: string): string {
  if (asUsage(() => parseReference(tag)).digest === undefined) return tag;
  throw usageError(
    `"${tag}" names a digest`,
    'A new image gets its digest by being built: leave out the part after @.',
  );
}

/** What is wrong with a flag's value is wrong with the command line. */
function asUsage<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw error instanceof JettisonError ? error.with({ exitCode: EXIT.usage }) : error;
  }
}

/** A name without value passes on the variable of that name, if there is one. */
function buildArgs(given: string[], env: NodeJS.ProcessEnv): Record<string, string> {
  const args: Record<string, string> = {};
  for (const text of given) {
    const [name, value] = pair(text, '--build-arg');
    if (text.includes('=')) args[name] = value;
    else if (env[name] !== undefined) args[name] = env[name];
  }
  return args;
}

function pair(text: string, flag: string): [string, string] {
  const equals = text.indexOf('=');
  const name = equals < 0 ? text : text.slice(0, equals);
  if (name === '') throw usageError(`${flag} ${text} has no name`, `Write ${flag} NAME=VALUE.`);
  return [name, equals < 0 ? '' : text.slice(equals + 1)];
}

const CALLS = ['build', 'check', 'outline', 'targets'] as const;

/** `--call=NAME[,format=text|json]`; `--check` is short for `--call=check`. */
function callOf(text: string | undefined, check: boolean): Call | undefined {
  if (text === undefined) return check ? { what: 'check', format: 'text' } : undefined;
  const [name = '', ...options] = text.split(',');
  const what = CALLS.find((one) => one === (name === 'lint' ? 'check' : name));
  if (what === undefined) throw usageError(`there is no --call=${name}`, `There are ${CALLS.join(', ')}.`);
  if (check && what !== 'check')
    throw usageError(`--check and --call=${name} contradict each other`, 'Use one of them.');
  let format: Call['format'] = 'text';
  for (const option of options) {
    const value = /^format=(text|json)$/.exec(option)?.[1];
    if (value === undefined)
      throw usageError(`--call has no "${option}"`, 'It takes format=text and format=json.');
    format = value as Call['format'];
  }
  return what === 'build' ? undefined : { what, format };
}

function contexts(given: string[]): Record<string, string> {
  const all: Record<string, string> = {};
  for (const text of given) {
    const [name, value] = pair(text, '--build-context');
    if (value === '')
      throw usageError(`--build-context ${name} names no place`, 'Write --build-context NAME=PATH.');
    all[name] = value;
  }
  return all;
}

function secrets(given: string[], env: NodeJS.ProcessEnv): Record<string, SecretSource> {
  const all: Record<string, SecretSource> = {};
  for (const text of given) {
    const { id, source } = parseSecret(text, env);
    if (Object.hasOwn(all, id)) throw usageError(`the secret "${id}" is given twice`, 'Use each id once.');
    all[id] = source;
  }
  return all;
}

function progressMode(text = 'auto'): ProgressMode {
  const mode = PROGRESS_MODES.find((one) => one === text);
  if (mode !== undefined) return mode;
  throw usageError(`"${text}" is no way to show progress`, `There are ${PROGRESS_MODES.join(', ')}.`);
}

/** Only what is given is there. */
function runSettings(
  values: ReturnType<typeof parseArgs<{ options: typeof BUILD_OPTIONS }>>['values'],
): BuildFlags['run'] {
  const { memory, cpus, allow = [] } = values;
  const allowed = allow.map(entitlement);
  const pids = values['pids-limit'];
  const limits = {
    ...(memory === undefined ? {} : { memory: bytes(memory) }),
    ...(cpus === undefined ? {} : { cpus: positive('--cpus', cpus) }),
    ...(pids === undefined ? {} : { pids: positive('--pids-limit', pids) }),
  };
  return {
    ...(values['add-host'] === undefined ? {} : { hosts: values['add-host'].map(host) }),
    ...(Object.keys(limits).length === 0 ? {} : { limits }),
    ...(values.ulimit === undefined ? {} : { ulimits: values.ulimit.map(ulimit) }),
    ...(values['shm-size'] === undefined ? {} : { shmSize: bytes(values['shm-size']) }),
    ...(values.timeout === undefined ? {} : { timeout: timeout(values.timeout) }),
    ...(allowed.includes('security.insecure') ? { allowInsecure: true } : {}),
    ...(allowed.includes('network.host') ? { allowHostNetwork: true } : {}),
  };
}

function entitlement(text: string): string {
  if (text === 'security.insecure' || text === 'network.host') return text;
  throw usageError(
    `there is nothing called "${text}" to allow`,
    'There are security.insecure and network.host.',
  );
}

function rung(text: string): RungChoice {
  const choice = RUNG_CHOICES.find((one) => one === text);
  if (choice !== undefined) return choice;
  throw usageError(
    `there is no isolation "${text}"`,
    `There are ${RUNG_CHOICES.join(', ')}; \`jettison doctor\` says what works here.`,
  );
}

function networkMode(text: string | undefined): 'host' | 'none' | undefined {
  if (text === undefined || text === 'default') return undefined;
  if (text === 'host' || text === 'none') return text;
  throw usageError(
    `there is no network "${text}" for builds`,
    'There are default (a private one, where permitted), host and none.',
  );
}

/** `--platform a,b`; what is named twice counts once. `local` is this machine's own. */
function platformsOf(texts: string[]): string[] {
  const host = hostPlatform();
  const names = texts.flatMap((text) => text.split(',')).map((name) => name.trim());
  const platforms = names.map((name) =>
    formatPlatform(name === 'local' ? host : asUsage(() => parsePlatform(name, host))),
  );
  return [...new Set(platforms)];
}
