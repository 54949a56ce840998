import { existsSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { JettisonError } from '../errors/error.ts';
import { withoutUser } from '../errors/safe-text.ts';
import type { Credentials } from './credentials.ts';
import { type DaemonConfig, readDaemonConfig } from './docker-daemon.ts';
import { endpoints, isLoopback } from './endpoint.ts';
import { type HostsConfig, readHostsToml } from './hosts-toml.ts';
import { environmentMirrors, withoutMirrorUser } from './mirrors.ts';
import { readRegistriesConf } from './registries-conf.ts';
import {
  type ConfiguredMirror,
  findRule,
  type ReadReference,
  type RegistryRule,
  relocated,
} from './registry-rules.ts';
import type { HostTrust } from './trust.ts';
import { loginIn } from './url-login.ts';

/** A place from which a repository is read, or to which it is written. */
export interface RepositoryPlace {
  /** `host[:port]`, whose stored credentials are used. */
  registry: string;
  repository: string;
  /** Base URLs of the API, in the order in which to try them. */
  bases: URL[];
  /** Accepts any certificate, and plain http if https fails. */
  insecure: boolean;
  /** For messages: without credentials. */
  name: string;
  /** Of a mirror whose URL contains a user and password; default: those stored for the registry. */
  credentials?: Credentials;
  /** The file (with line) or variable that names this place; absent for the image's own registry. */
  origin?: string;
}

/** Paths of registry configuration files, in order of precedence. */
export interface ConfigFiles {
  /** The first one that exists is read. */
  registriesConf: string[];
  /** Folders whose *.conf files are read after it, in order. */
  dropIns: string[];
  /** The first one that exists is read. */
  daemon: string[];
  /** Folders of `<registry>/hosts.toml`. */
  hosts: string[];
}

/** The paths of Podman, Docker and containerd, for root and for other users. */
export function configFiles(env: NodeJS.ProcessEnv): ConfigFiles {
  const config = env['XDG_CONFIG_HOME'] || join(env['HOME'] || homedir(), '.config');
  const named = env['CONTAINERS_REGISTRIES_CONF'];
  return {
    registriesConf: named
      ? [named]
      : [join(config, 'containers/registries.conf'), '/etc/containers/registries.conf'],
    dropIns: ['/etc/containers/registries.conf.d', join(config, 'containers/registries.conf.d')],
    daemon: [join(config, 'docker/daemon.json'), '/etc/docker/daemon.json'],
    hosts: [join(config, 'containerd/certs.d'), '/etc/containerd/certs.d'],
  };
}

/** The registry settings of the environment and of this machine's files. Read when first needed. */
export class RegistryConfig {
  readonly #files: ConfigFiles;
  readonly #env: NodeJS.ProcessEnv;
  readonly #insecure: boolean;
  readonly #rules: readonly RegistryRule[];
  readonly #daemon: DaemonConfig | undefined;
  readonly #hosts = new Map<string, Promise<HostsConfig | undefined>>();

  private constructor(
    files: ConfigFiles,
    env: NodeJS.ProcessEnv,
    insecure: boolean,
    rules: readonly RegistryRule[],
    /** Registries in which Podman would look up names without a registry. */
    readonly search: readonly string[],
    daemon: DaemonConfig | undefined,
  ) {
    this.#files = files;
    this.#env = env;
    this.#insecure = insecure;
    this.#rules = rules;
    this.#daemon = daemon;
  }

  /**
   * @param insecure treats all registries as insecure: `--registry-insecure`
   * @throws JettisonError `REGISTRY_CONFIG_INVALID` with file and line
   */
  static async load(
    env: NodeJS.ProcessEnv,
    insecure: boolean,
    files: ConfigFiles = configFiles(env),
  ): Promise<RegistryConfig> {
    const main = files.registriesConf.find((path) => existsSync(path));
    const dropIns = files.dropIns.flatMap((folder) => filesIn(folder, '.conf'));
    const { rules, search } = await readRegistriesConf([...(main === undefined ? [] : [main]), ...dropIns]);
    const daemonPath = files.daemon.find((path) => existsSync(path));
    const daemon = daemonPath === undefined ? undefined : readDaemonConfig(daemonPath);
    return new RegistryConfig(files, env, insecure, rules, search, daemon);
  }

  /**
   * The places from which an image is read: its mirrors, in order, and its own registry.
   *
   * @throws JettisonError `REGISTRY_BLOCKED`, `REGISTRY_CONFIG_INVALID`, `MIRRORS_INVALID`
   */
  async reading(reference: ReadReference): Promise<{ mirrors: RepositoryPlace[]; own: RepositoryPlace }> {
    const rule = this.#ruleFor(reference);
    const hosts = await this.#hostsOf(reference.registry);
    const access = reference.digest === undefined && reference.tag !== undefined ? 'tag' : 'digest';
    const named = environmentMirrors(reference.registry, this.#env);
    const { found, prefix } =
      named === undefined
        ? this.#mirrorsOf(reference, rule, hosts)
        : { found: named, prefix: reference.registry };
    const mirrors = found
      .filter((mirror) => mirror.access === 'all' || mirror.access === access)
      .map((mirror) => this.#mirrorPlace(reference, prefix, mirror));
    const { location } = rule ?? {};
    if (rule === undefined || location === undefined || location === rule.prefix) {
      return { mirrors, own: this.#ownPlace(reference, rule, hosts) };
    }
    const moved = relocated(reference, rule.prefix, location);
    const own = this.#ownPlace(moved, rule, await this.#hostsOf(moved.registry));
    return { mirrors, own: { ...own, origin: rule.origin } };
  }

  /**
   * The place to which an image is written: always the registry of its name.
   *
   * @throws JettisonError `REGISTRY_BLOCKED`, `REGISTRY_CONFIG_INVALID`
   */
  async writing(reference: ReadReference): Promise<RepositoryPlace> {
    return this.#ownPlace(reference, this.#ruleFor(reference), await this.#hostsOf(reference.registry));
  }

  /** The effective settings, one line each, for people. */
  async describe(): Promise<string[]> {
    const lines: string[] = [];
    const mirrored = (prefix: string, mirrors: readonly ConfiguredMirror[]) => {
      for (const { location, access, origin } of mirrors) {
        const only = access === 'all' ? '' : `, names with a ${access} only`;
        const shown = shownPlace(location);
        lines.push(`${prefix}: mirror ${shown}${only} (${origin})`);
      }
    };
    const hub = { registry: 'docker.io', repository: 'library/x' };
    const rule = findRule(this.#rules, hub);
    for (const { prefix, location, insecure, blocked, mirrors, origin } of this.#rules) {
      if (this.#env['JETTISON_MIRRORS'] === undefined) mirrored(prefix, mirrors);
      const moved = location !== undefined && location !== prefix ? `read from ${location}` : '';
      for (const fact of [moved, insecure ? 'insecure' : '', blocked ? 'blocked' : '']) {
        if (fact !== '') lines.push(`${prefix}: ${fact} (${origin})`);
      }
    }
    const named = environmentMirrors(hub.registry, this.#env);
    if (named !== undefined) {
      const entries = (this.#env['JETTISON_MIRRORS'] ?? '').split(/[\s,]+/).filter((entry) => entry !== '');
      lines.push(`JETTISON_MIRRORS: ${entries.map(withoutMirrorUser).join(',')}`);
    } else if (rule === undefined || rule.mirrors.length === 0) {
      mirrored('docker.io', this.#mirrorsOf(hub, undefined, await this.#hostsOf('docker.io')).found);
    }
    if (this.search.some((registry) => registry !== 'docker.io')) {
      lines.push(
        'names without a registry mean docker.io, as in Docker: unqualified-search-registries is not used',
      );
    }
    return lines;
  }

  /** The certificates of a registry's `hosts.toml`, by host. */
  async trustOf(registry: string): Promise<Map<string, HostTrust>> {
    return (await this.#hostsOf(registry))?.trust ?? new Map();
  }

  #ruleFor(reference: ReadReference): RegistryRule | undefined {
    const rule = findRule(this.#rules, reference);
    if (rule?.blocked) {
      const name = `${reference.registry}/${reference.repository}`;
      throw new JettisonError('REGISTRY_BLOCKED', `${name} is blocked by ${rule.origin}`, {
        hint: 'Use an image of another registry, or change that file.',
      });
    }
    return rule;
  }

  /** Mirrors of the first source that has any. */
  #mirrorsOf(
    { registry }: ReadReference,
    rule: RegistryRule | undefined,
    hosts: HostsConfig | undefined,
  ): { found: ConfiguredMirror[]; prefix: string } {
    if (rule !== undefined && rule.mirrors.length > 0) return { found: rule.mirrors, prefix: rule.prefix };
    const others = registry === 'docker.io' ? (this.#daemon?.mirrors ?? []) : [];
    return { found: hosts?.mirrors.length ? hosts.mirrors : others, prefix: registry };
  }

  #mirrorPlace(
    reference: ReadReference,
    prefix: string,
    { location, insecure, origin }: ConfiguredMirror,
  ): RepositoryPlace {
    if (typeof location !== 'string') {
      const isInsecure = insecure || location.protocol === 'http:' || this.#isInsecure(location.host);
      const { repository } = reference;
      const base = new URL(location);
      base.username = base.password = '';
      const credentials = credentialsOf(location, origin);
      return {
        registry: location.host,
        repository,
        bases: [base],
        insecure: isInsecure,
        name: shownPlace(location),
        origin,
        ...(credentials !== undefined && { credentials }),
      };
    }
    const moved = relocated(reference, prefix, location);
    const isInsecure = insecure || this.#isInsecure(moved.registry);
    return {
      ...moved,
      bases: endpoints(moved.registry, isInsecure),
      insecure: isInsecure,
      name: location,
      origin,
    };
  }

  #ownPlace(
    { registry, repository }: Pick<ReadReference, 'registry' | 'repository'>,
    rule: RegistryRule | undefined,
    hosts: HostsConfig | undefined,
  ): RepositoryPlace {
    const insecure = rule?.insecure === true || this.#isInsecure(registry);
    const bases = hosts?.server === undefined ? endpoints(registry, insecure) : [hosts.server];
    return {
      registry,
      repository,
      bases,
      insecure: insecure || hosts?.server?.protocol === 'http:',
      name: registry,
    };
  }

  #isInsecure(registry: string): boolean {
    return this.#insecure || isLoopback(registry) || this.#daemon?.isInsecure(registry) === true;
  }

  #hostsOf(registry: string): Promise<HostsConfig | undefined> {
    let found = this.#hosts.get(registry);
    if (found === undefined) {
      found = readHostsToml(this.#files.hosts, registry);
      this.#hosts.set(registry, found);
    }
    return found;
  }
}

function shownPlace(location: string | URL): string {
  return typeof location === 'string' ? location : withoutUser(location.href.replace(/\/$/, ''));
}

function credentialsOf(url: URL, origin: string): Credentials | undefined {
  const login = loginIn(url);
  return login && { kind: 'password', ...login, origin };
}

function filesIn(folder: string, ending: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith(ending))
      .sort()
      .map((name) => join(folder, name));
  } catch {
    return [];
  }
}
