import { JettisonError } from '../errors/error.ts';
import { Authorizer } from './authorizer.ts';
import { Connection } from './connection.ts';
import { type CredentialSource, type Credentials, StoredCredentials } from './credentials.ts';
import { isLoopback } from './endpoint.ts';
import { Http } from './http.ts';
import type { RegistryConfig, RepositoryPlace } from './registry-config.ts';
import type { ReadReference } from './registry-rules.ts';
import { Repository } from './repository.ts';
import { DEFAULT_RETRY, minimumRate, type Patience } from './retry.ts';
import type { HostTrust } from './trust.ts';

export interface RegistryOptions {
  /** Environment for proxies, certificates, credentials and mirrors; default: the process's. */
  env?: NodeJS.ProcessEnv;
  /** Accept any certificate, and plain http if https fails. Always so for loopback. */
  insecure?: boolean;
  /** Default: the stored credentials of Docker and Podman. */
  credentials?: CredentialSource;
  retry?: Partial<Patience>;
  signal?: AbortSignal;
}

const ANONYMOUS: CredentialSource = { lookup: async () => undefined, problems: [] };

/**
 * Access to all registries, one instance per command or build. Shares connections, tokens and credentials. Sends nothing
 * before the first request.
 */
export class Registries {
  readonly signal: AbortSignal | undefined;
  readonly #env: NodeJS.ProcessEnv;
  readonly #insecure: boolean;
  readonly #credentials: CredentialSource;
  readonly #policy: Patience;
  readonly #http: Http;
  readonly #unverified = new Set<string>();
  /** Certificates from configuration files, by host. */
  readonly #trust = new Map<string, HostTrust>();
  #config: Promise<RegistryConfig> | undefined;
  readonly #connections = new Map<string, Connection>();
  /** Repositories that are readable anonymously, but not with the stored credentials. */
  readonly #public = new Set<string>();

  constructor(options: RegistryOptions = {}) {
    this.signal = options.signal;
    this.#env = options.env ?? process.env;
    this.#insecure = options.insecure ?? false;
    this.#credentials = options.credentials ?? new StoredCredentials(this.#env);
    this.#policy = { ...DEFAULT_RETRY, ...minimumRate(this.#env), ...options.retry };
    this.#http = new Http(this.#env, {
      unverified: (host) =>
        this.#unverified.has(host) || isLoopback(host) || this.#trust.get(host)?.unverified === true,
      trust: (host) => this.#trust.get(host),
    });
  }

  /** The repository of a reference, for writing. @throws JettisonError `REGISTRY_BLOCKED`, `REGISTRY_CONFIG_INVALID` */
  async repository(reference: ReadReference): Promise<Repository> {
    return this.#open(await (await this.config()).writing(reference));
  }

  /** How registries are reached. @throws JettisonError `REGISTRY_CONFIG_INVALID` */
  config(): Promise<RegistryConfig> {
    this.#config ??= import('./registry-config.ts').then(({ RegistryConfig }) =>
      RegistryConfig.load(this.#env, this.#insecure),
    );
    return this.#config;
  }

  /**
   * Reads from a repository's mirrors in turn, then from its own registry. Failures of mirrors are ignored unless the
   * registry fails, too; that error is thrown. If the registry refuses the credentials, it is asked once more anonymously:
   * expired credentials must not block public images.
   */
  async read<T>(reference: ReadReference, read: (repository: Repository) => Promise<T>): Promise<T> {
    const config = await this.config();
    const { mirrors, own } = await config.reading(reference);
    for (const [host, trust] of await config.trustOf(reference.registry)) this.#trust.set(host, trust);
    const failures: { place: RepositoryPlace; error: JettisonError }[] = [];
    for (const place of mirrors) {
      try {
        return await read(await this.#open(place));
      } catch (error) {
        const tolerable = error instanceof JettisonError && /^(REGISTRY_|DIGEST_|MANIFEST_)/.test(error.code);
        if (!tolerable) throw error;
        failures.push({ place, error });
      }
    }
    try {
      return await this.#readOwn(own, read);
    } catch (error) {
      throw withMirrors(error, own, failures);
    }
  }

  async #readOwn<T>(own: RepositoryPlace, read: (repository: Repository) => Promise<T>): Promise<T> {
    const { registry, repository } = own;
    const place = `${registry}/${repository}`;
    if (this.#public.has(place)) return read(await this.#open(own, ANONYMOUS));
    try {
      return await read(await this.#open(own));
    } catch (error) {
      const refused = error instanceof JettisonError && /^REGISTRY_(UNAUTHORIZED|DENIED)$/.test(error.code);
      if (!refused || (await this.#credentials.lookup(registry, repository)) === undefined) throw error;
      // If that fails, too, report the error about the credentials.
      const found = await read(await this.#open(own, ANONYMOUS)).catch(() => Promise.reject(error));
      this.#public.add(place);
      return found;
    }
  }

  /** A connection to a registry itself, not to a mirror. */
  async connection(registry: string): Promise<Connection> {
    return (await this.repository({ registry, repository: '' })).connection;
  }

  /** Closes idle connections. */
  close(): void {
    this.#http.close();
  }

  async #open(
    place: RepositoryPlace,
    credentials = place.credentials === undefined ? this.#credentials : only(place.credentials),
  ): Promise<Repository> {
    const { registry, repository, bases, insecure } = place;
    if (insecure) for (const { host } of bases) this.#unverified.add(host);
    for (const [host, trust] of await (await this.config()).trustOf(registry)) this.#trust.set(host, trust);
    const who = credentials === ANONYMOUS ? 'anonymous ' : `${place.credentials?.origin ?? ''} `;
    const key = `${who}${registry} ${bases.join(' ')}`;
    let connection = this.#connections.get(key);
    if (connection === undefined) {
      const authorizer = new Authorizer(
        registry,
        this.#http,
        credentials,
        this.#policy,
        this.signal,
        insecure,
      );
      connection = new Connection(bases, this.#http, authorizer, this.#policy, this.signal, insecure);
      this.#connections.set(key, connection);
    }
    return new Repository(connection, registry, repository);
  }
}

function only(credentials: Credentials): CredentialSource {
  return { lookup: async () => credentials, problems: [] };
}

/** The registry's error, with those of the mirrors in its message. */
function withMirrors(
  error: unknown,
  own: RepositoryPlace,
  failures: readonly { place: RepositoryPlace; error: JettisonError }[],
): unknown {
  const moved = own.origin === undefined ? '' : ` (${own.registry} is named by ${own.origin})`;
  if (!(error instanceof JettisonError) || (failures.length === 0 && moved === '')) return error;
  const said = failures.map(
    ({ place, error: failure }) => `the mirror ${place.name} (${place.origin}): ${failure.message}`,
  );
  const before = said.length === 0 ? '' : `; before that, ${said.join('; ')}`;
  return error.with({
    message: `${error.message}${moved}${before}`,
    cause: error,
    details: { ...error.details, mirrors: failures.map(({ place }) => place.name) },
  });
}

/** Uses the registries for one command, and closes the connections after it. */
export async function useRegistries<T>(
  options: RegistryOptions,
  use: (registries: Registries) => Promise<T>,
): Promise<T> {
  const registries = new Registries(options);
  try {
    return await use(registries);
  } finally {
    registries.close();
  }
}
