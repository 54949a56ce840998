import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { TomlTable, TomlValue } from 'smol-toml';
import { withoutUser } from '../errors/safe-text.ts';
import { invalidConfig, lineOf, readToml } from './config-file.ts';
import type { ConfiguredMirror } from './registry-rules.ts';
import type { HostTrust } from './trust.ts';

/** The settings of containerd's `hosts.toml` for one registry. */
export interface HostsConfig {
  /** Base URL of its API, if given. */
  server?: URL;
  mirrors: ConfiguredMirror[];
  /** Certificates, by host with port. */
  trust: Map<string, HostTrust>;
}

/**
 * Reads `certs.d/<registry>/hosts.toml`, else `certs.d/_default/hosts.toml`, of the first folder that has one:
 *
 *     server = "https://registry-1.docker.io"
 *
 *     [host."https://mirror.example.com"]
 *     capabilities = ["pull", "resolve"]
 *     ca = "mirror.crt"
 *
 * @throws JettisonError `REGISTRY_CONFIG_INVALID` with file and line
 */
export async function readHostsToml(
  folders: readonly string[],
  registry: string,
): Promise<HostsConfig | undefined> {
  const names = [registry, registry.replace(/:(\d+)$/, '_$1_'), '_default'];
  const path = folders
    .flatMap((folder) => names.map((name) => join(folder, name, 'hosts.toml')))
    .find((file) => existsSync(file));
  const file = path === undefined ? undefined : await readToml(path);
  if (path === undefined || file === undefined) return undefined;
  return new Reader(path, file.text).read(file.table);
}

class Reader {
  readonly #path: string;
  readonly #text: string;

  constructor(path: string, text: string) {
    this.#path = path;
    this.#text = text;
  }

  read(table: TomlTable): HostsConfig {
    const { server, host = {} } = table;
    const config: HostsConfig = { mirrors: [], trust: new Map() };
    if (server !== undefined && server !== '') config.server = this.#serverUrl(server);
    if (config.server !== undefined) this.#trust(config, config.server, table);
    for (const [name, value] of Object.entries(this.#table(host, 'host'))) {
      const url = this.#url(name, name);
      const options = this.#table(value, name);
      this.#trust(config, url, options);
      const can = this.#texts(options['capabilities'] ?? ['pull', 'resolve', 'push'], 'capabilities');
      if (!can.includes('pull')) continue;
      config.mirrors.push({
        location: options['override_path'] === true ? this.#overridden(url, name) : url,
        insecure: options['skip_verify'] === true,
        access: can.includes('resolve') ? 'all' : 'digest',
        origin: `${this.#path}:${lineOf(this.#text, name)}`,
      });
    }
    return config;
  }

  /** `override_path`: a path that replaces /v2. Registries that need it use it as part of the repository's name. */
  #overridden(url: URL, name: string): string {
    const [, part] = /^\/v2\/?(.*?)\/?$/.exec(url.pathname) ?? [];
    if (url.username !== '' || url.password !== '') {
      throw this.#invalid(
        `override_path does not support a user and password in the URL: use jettison login ${url.host}`,
        name,
      );
    }
    if (part === undefined || url.protocol !== 'https:') {
      throw this.#invalid(
        `override_path needs an https URL whose path begins with /v2, not "${withoutUser(name)}"`,
        name,
      );
    }
    return part === '' ? url.host : `${url.host}/${part}`;
  }

  #trust(config: HostsConfig, url: URL, options: TomlTable): void {
    const { ca, client, skip_verify: unverified } = options;
    const trust: HostTrust = {};
    if (ca !== undefined) trust.ca = this.#texts(ca, 'ca').map((file) => this.#file(file));
    if (client !== undefined) {
      const pairs = Array.isArray(client) && Array.isArray(client[0]) ? client : [client];
      const [cert, key = cert] = this.#texts(pairs[0]!, 'client');
      if (cert !== undefined) Object.assign(trust, { cert: this.#file(cert), key: this.#file(key!) });
    }
    if (unverified === true) trust.unverified = true;
    if (Object.keys(trust).length > 0) config.trust.set(url.host, trust);
  }

  /** Reads a file; a relative path starts at the folder of `hosts.toml`. */
  #file(name: string): string {
    try {
      return readFileSync(resolve(dirname(this.#path), name), 'utf8');
    } catch (error) {
      throw this.#invalid(`cannot read the certificate ${name}: ${(error as Error).message}`, name);
    }
  }

  #url(value: TomlValue, at: string): URL {
    const text = typeof value === 'string' ? (value.includes('://') ? value : `https://${value}`) : '';
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (url?.protocol === 'https:' || url?.protocol === 'http:') {
      // The API's /v2 is added to every base.
      url.pathname = url.pathname.replace(/\/v2\/?$/, '');
      return url;
    }
    throw this.#invalid(`invalid URL "${withoutUser(String(value))}"`, at);
  }

  /** `server` without credentials: pushes use those stored for the registry. */
  #serverUrl(value: TomlValue): URL {
    const url = this.#url(value, 'server');
    if (url.username === '' && url.password === '') return url;
    throw this.#invalid(
      `"server" must not contain a user and password: use jettison login ${url.host}`,
      'server',
    );
  }

  #texts(value: TomlValue, key: string): string[] {
    const list = Array.isArray(value) ? value : [value];
    if (list.every((one) => typeof one === 'string')) return list as string[];
    throw this.#invalid(`"${key}" must be a string or a list of strings`, key);
  }

  #table(value: TomlValue, name: string): TomlTable {
    if (typeof value === 'object' && !Array.isArray(value) && !(value instanceof Date))
      return value as TomlTable;
    throw this.#invalid(`"${name}" must be a table`, name);
  }

  #invalid(reason: string, at: string) {
    return invalidConfig(this.#path, reason, lineOf(this.#text, at));
  }
}
