import type { TomlTable, TomlValue } from 'smol-toml';
import { withoutUser } from '../errors/safe-text.ts';
import { invalidConfig, lineOf, readToml } from './config-file.ts';
import type { ConfiguredMirror, RegistryRule } from './registry-rules.ts';

/**
 * Reads `registries.conf` files (containers-registries.conf(5)), as Podman, Buildah and skopeo do. A rule of a later file
 * replaces an earlier one for the same prefix.
 *
 *     unqualified-search-registries = ["docker.io"]
 *
 *     [[registry]]
 *     prefix = "docker.io"
 *     location = "registry.example.com/hub"
 *
 *     [[registry.mirror]]
 *     location = "mirror.example.com"
 *
 * @throws JettisonError `REGISTRY_CONFIG_INVALID` with file and line
 */
export async function readRegistriesConf(paths: readonly string[]): Promise<{
  rules: RegistryRule[];
  /** `unqualified-search-registries`. Not used: names without a registry mean docker.io, as in Docker. */
  search: string[];
}> {
  const rules = new Map<string, RegistryRule>();
  let search: string[] = [];
  for (const path of paths) {
    const file = await readToml(path);
    if (file === undefined) continue;
    const reader = new Reader(path, file.text);
    search = reader.texts(file.table, 'unqualified-search-registries') ?? search;
    for (const rule of reader.rules(file.table)) rules.set(rule.prefix, rule);
  }
  return { rules: [...rules.values()], search };
}

/** Reads one file; errors have its line. */
class Reader {
  readonly #path: string;
  readonly #text: string;

  constructor(path: string, text: string) {
    this.#path = path;
    this.#text = text;
  }

  rules(table: TomlTable): RegistryRule[] {
    const registries = table['registry'] ?? [];
    if (!Array.isArray(registries))
      throw this.#invalid('"registry" must be written [[registry]]', 'registry');
    return [
      ...registries.map((one, i) => this.#rule(this.#table(one, '[[registry]]'), i)),
      ...this.#oldRules(table['registries']),
    ];
  }

  texts(table: TomlTable, key: string): string[] | undefined {
    const value = table[key];
    if (value === undefined) return undefined;
    if (!Array.isArray(value) || !value.every((one) => typeof one === 'string')) {
      throw this.#invalid(`"${key}" must be a list of strings`, key);
    }
    return value as string[];
  }

  #rule(table: TomlTable, number: number): RegistryRule {
    const line = lineOf(this.#text, '[[registry]]', number);
    const written = this.#string(table, 'location');
    const prefix = this.#string(table, 'prefix') ?? written;
    if (prefix === undefined || prefix === '') {
      throw this.#invalid('a [[registry]] needs a "prefix" or a "location"', '[[registry]]', number);
    }
    const isWildcard = prefix.startsWith('*.');
    if (prefix.slice(isWildcard ? 2 : 0).includes('*') || (isWildcard && /[/:@]/.test(prefix))) {
      throw this.#invalid(`invalid prefix "${prefix}": "*." is only allowed before a host`, prefix);
    }
    const location = isWildcard && !written ? undefined : this.#location(written ?? prefix);
    const digestOnly = this.#flag(table, 'mirror-by-digest-only');
    const mirrors = table['mirror'] ?? [];
    if (!Array.isArray(mirrors)) {
      throw this.#invalid('"mirror" must be written [[registry.mirror]]', 'mirror');
    }
    return {
      prefix: this.#host(prefix),
      ...(location !== undefined && { location }),
      insecure: this.#flag(table, 'insecure') ?? false,
      blocked: this.#flag(table, 'blocked') ?? false,
      mirrors: mirrors.map((one) => this.#mirror(this.#table(one, '[[registry.mirror]]'), digestOnly)),
      origin: `${this.#path}:${line}`,
    };
  }

  #mirror(table: TomlTable, digestOnly: boolean | undefined): ConfiguredMirror {
    const location = this.#string(table, 'location');
    if (!location) throw this.#invalid('a mirror needs a "location"', '[[registry.mirror]]');
    const pull = this.#string(table, 'pull-from-mirror');
    if (pull !== undefined && digestOnly !== undefined) {
      throw this.#invalid(
        '"pull-from-mirror" and "mirror-by-digest-only" exclude each other',
        'pull-from-mirror',
      );
    }
    if (pull !== undefined && !['', 'all', 'digest-only', 'tag-only'].includes(pull)) {
      throw this.#invalid(
        `invalid "pull-from-mirror": "${pull}" is not all, digest-only or tag-only`,
        'pull-from-mirror',
      );
    }
    return {
      location: this.#location(location),
      insecure: this.#flag(table, 'insecure') ?? false,
      access: digestOnly || pull === 'digest-only' ? 'digest' : pull === 'tag-only' ? 'tag' : 'all',
      origin: `${this.#path}:${lineOf(this.#text, location)}`,
    };
  }

  /** The old format (version 1): lists of hosts. */
  #oldRules(old: TomlValue | undefined): RegistryRule[] {
    if (old === undefined) return [];
    const lists = this.#table(old, '[registries]');
    const hosts = (name: string) => {
      const list = lists[name];
      return list === undefined
        ? []
        : (this.texts(this.#table(list, `[registries.${name}]`), 'registries') ?? []);
    };
    const [insecure, blocked] = [hosts('insecure'), hosts('block')];
    return [...new Set([...insecure, ...blocked])].map((host) => ({
      prefix: this.#host(host),
      location: host,
      insecure: insecure.includes(host),
      blocked: blocked.includes(host),
      mirrors: [],
      origin: `${this.#path}:${lineOf(this.#text, host)}`,
    }));
  }

  /** Checks a location: `host[:port][/part/of/a/name]`. */
  #location(text: string): string {
    const plain = text.replace(/\/+$/, '');
    if (/^[a-z]+:\/\//i.test(plain)) {
      throw this.#invalid(
        `invalid location "${withoutUser(text)}": write it without ${/^[a-z]+:\/\//i.exec(plain)![0]}`,
        text,
      );
    }
    if (/^[^/]*@/.test(plain) && !/^[^/]*@sha\d+:/.test(plain)) {
      const shown = withoutUser(plain);
      const host = shown.slice(shown.indexOf('@') + 1).replace(/\/.*$/, '');
      throw this.#invalid(
        `invalid location "${shown}": it must not contain a user and password: use jettison login ${host}`,
        text,
      );
    }
    if (!URL.canParse(`https://${plain}`) || new URL(`https://${plain}`).host === '') {
      throw this.#invalid(`invalid location "${withoutUser(text)}"`, text);
    }
    return this.#host(plain);
  }

  /** Host names have no case. */
  #host(text: string): string {
    const slash = text.indexOf('/');
    return slash < 0 ? text.toLowerCase() : text.slice(0, slash).toLowerCase() + text.slice(slash);
  }

  #table(value: TomlValue, name: string): TomlTable {
    if (typeof value === 'object' && !Array.isArray(value) && !(value instanceof Date))
      return value as TomlTable;
    throw this.#invalid(`${name} must be a table`, name);
  }

  #string(table: TomlTable, key: string): string | undefined {
    const value = table[key];
    if (value === undefined || typeof value === 'string') return value;
    throw this.#invalid(`"${key}" must be a string`, key);
  }

  #flag(table: TomlTable, key: string): boolean | undefined {
    const value = table[key];
    if (value === undefined || typeof value === 'boolean') return value;
    throw this.#invalid(`"${key}" must be true or false`, key);
  }

  #invalid(reason: string, at: string, number = 0) {
    return invalidConfig(this.#path, reason, lineOf(this.#text, at, number));
  }
}
