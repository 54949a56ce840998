import { JettisonError } from '../errors/error.ts';
import type { Reference } from '../image/reference.ts';
import { Authorizer } from './authorizer.ts';
import { Connection } from './connection.ts';
import { type CredentialSource, StoredCredentials } from './credentials.ts';
import { endpoints, isLoopback } from './endpoint.ts';
import { Http } from './http.ts';
import { mirrorsOf } from './mirrors.ts';
import { Repository } from './repository.ts';
import { DEFAULT_RETRY, type Patience } from './retry.ts';

export interface RegistryOptions {
  /** Proxies, certificates, the places of credentials and mirrors; defaults to the process's. */
  env?: NodeJS.ProcessEnv;
  /** Take any certificate, and plain http where nothing speaks https. Loopback is always treated so. */
  insecure?: boolean;
  /** Defaults to what Docker and Podman keep. */
  credentials?: CredentialSource;
  retry?: Partial<Patience>;
  signal?: AbortSignal;
}

const ANONYMOUS: CredentialSource = { lookup: async () => undefined, problems: [] };

/**
 * All registries, as one run of the program sees them: one per command or build. Connections, tokens and
 * credentials are shared between everything that uses it; nothing is sent before something is asked for.
 */
export class Registries {
  readonly signal: AbortSignal | undefined;
  readonly #env: NodeJS.ProcessEnv;
  readonly #insecure: boolean;
  readonly #credentials: CredentialSource;
  readonly #policy: Patience;
  readonly #http: Http;
  readonly #unverified = new Set<string>();
  readonly #connections = new Map<string, Connection>();
  /** Repositories that everybody may read, and that the credentials for them may not. */
  readonly #public = new Set<string>();

  constructor(options: RegistryOptions = {}) {
    this.signal = options.signal;
    this.#env = options.env ?? process.env;
    this.#insecure = options.insecure ?? false;
    this.#credentials = options.credentials ?? new StoredCredentials(this.#env);
    this.#policy = { ...DEFAULT_RETRY, ...options.retry };
    this.#http = new Http(this.#env, (host) => this.#unverified.has(host) || isLoopback(host));
  }

  /** The repository that a reference names. */
  repository({ registry, repository }: Pick<Reference, 'registry' | 'repository'>): Repository {
    return new Repository(this.connection(registry), registry, repository);
  }

  /**
   * Reads from a repository's mirrors, then from its own registry, whose failure is the one that counts: a
   * mirror that lacks something, or is broken, stands in nobody's way. Neither do credentials that have ended:
   * what everybody may read is then read without them.
   */
  async read<T>(
    reference: Pick<Reference, 'registry' | 'repository'>,
    read: (repository: Repository) => Promise<T>,
  ): Promise<T> {
    const { registry, repository } = reference;
    for (const mirror of mirrorsOf(registry, this.#env)) {
      const connection = this.#connect(`mirror ${mirror.href}`, mirror.host, [mirror]);
      try {
        return await read(new Repository(connection, mirror.host, repository));
      } catch (error) {
        const tolerable = error instanceof JettisonError && /^(REGISTRY_|DIGEST_|MANIFEST_)/.test(error.code);
        if (!tolerable) throw error;
      }
    }
    const place = `${registry}/${repository}`;
    if (this.#public.has(place)) return read(this.#anonymously(reference));
    try {
      return await read(this.repository(reference));
    } catch (error) {
      const refused = error instanceof JettisonError && /^REGISTRY_(UNAUTHORIZED|DENIED)$/.test(error.code);
      if (!refused || (await this.#credentials.lookup(registry, repository)) === undefined) throw error;
      // When that fails, too, the credentials are what somebody has to look at.
      const found = await read(this.#anonymously(reference)).catch(() => Promise.reject(error));
      this.#public.add(place);
      return found;
    }
  }

  #anonymously({ registry, repository }: Pick<Reference, 'registry' | 'repository'>): Repository {
    const connection = this.#connect(`anonymous ${registry}`, registry, this.#bases(registry), ANONYMOUS);
    return new Repository(connection, registry, repository);
  }

  connection(registry: string): Connection {
    return this.#connect(registry, registry, this.#bases(registry));
  }

  /** Closes idle connections, which would keep nothing alive but sockets. */
  close(): void {
    this.#http.close();
  }

  #bases(registry: string): URL[] {
    const bases = endpoints(registry, this.#insecure);
    if (this.#insecure) for (const { host } of bases) this.#unverified.add(host);
    return bases;
  }

  #connect(key: string, registry: string, bases: URL[], credentials = this.#credentials): Connection {
    let connection = this.#connections.get(key);
    if (connection === undefined) {
      const authorizer = new Authorizer(registry, this.#http, credentials, this.#policy, this.signal);
      connection = new Connection(bases, this.#http, authorizer, this.#policy, this.signal);
      this.#connections.set(key, connection);
    }
    return connection;
  }
}
