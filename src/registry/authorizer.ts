import { JettisonError } from '../errors/error.ts';
import type { Challenge } from './challenge.ts';
import type { CredentialSource, Credentials } from './credentials.ts';
import { isLoopback } from './endpoint.ts';
import { networkError, responseError, type Subject } from './errors.ts';
import { type Http, type HttpRequest, readBody } from './http.ts';
import { isConnectionError, type Patience, retryAfter, retrying, Transient } from './retry.ts';

interface Token {
  header: string;
  /** `repository:app:pull`, one action each. */
  grants: Set<string>;
  /** Milliseconds since 1970. */
  expires: number;
}

/** Lifetime of a token without `expires_in`, as in the specification. */
const DEFAULT_LIFE_S = 60;

/**
 * Authorisation with one registry: requests are anonymous until its first 401, which names the scheme; after that,
 * tokens for further scopes are fetched before the request. A token is reused for all scopes that it grants.
 *
 * Specification: https://distribution.github.io/distribution/spec/auth/token/
 */
export class Authorizer {
  readonly #registry: string;
  readonly #http: Http;
  readonly #source: CredentialSource;
  readonly #policy: Patience;
  readonly #signal: AbortSignal | undefined;
  /** Whether plain http is allowed. */
  readonly #insecure: boolean;
  #way: Challenge | undefined;
  #tokens: Token[] = [];
  readonly #pending = new Map<string, Promise<string>>();
  readonly #credentials = new Map<string, Promise<Credentials | undefined>>();

  constructor(
    registry: string,
    http: Http,
    source: CredentialSource,
    policy: Patience,
    signal: AbortSignal | undefined,
    insecure: boolean,
  ) {
    this.#registry = registry;
    this.#http = http;
    this.#source = source;
    this.#policy = policy;
    this.#signal = signal;
    this.#insecure = insecure;
  }

  /** The credentials used for a repository; looked up once. */
  credentials(repository: string): Promise<Credentials | undefined> {
    let found = this.#credentials.get(repository);
    if (found === undefined) {
      found = this.#source.lookup(this.#registry, repository);
      this.#credentials.set(repository, found);
    }
    return found;
  }

  get problems(): readonly string[] {
    return this.#source.problems;
  }

  /** The `Authorization` header to try first; undefined while the registry has not asked for one. */
  async header(scopes: string[], subject: Subject): Promise<string | undefined> {
    return this.#way === undefined ? undefined : this.#answer(this.#way, scopes, subject);
  }

  /**
   * The header to try after the registry refused.
   *
   * @param refused the header that was sent
   * @returns undefined when there is nothing (else) to try
   */
  async respond(
    challenges: Challenge[],
    scopes: string[],
    subject: Subject,
    refused: string | undefined,
  ): Promise<string | undefined> {
    const way =
      challenges.find(({ scheme, parameters }) => scheme === 'bearer' && parameters['realm']) ??
      challenges.find(({ scheme }) => scheme === 'basic');
    if (way === undefined) return undefined;
    this.#way = way;
    // A token that was revoked, or does not grant enough.
    this.#tokens = this.#tokens.filter(({ header }) => header !== refused);
    const asked = (way.parameters['scope'] ?? '').split(' ').filter((scope) => scope !== '');
    const header = await this.#answer(way, mergeScopes([...scopes, ...asked]), subject);
    return header === refused ? undefined : header;
  }

  async #answer(way: Challenge, scopes: string[], subject: Subject): Promise<string | undefined> {
    const credentials = await this.credentials(subject.repository);
    if (credentials?.kind === 'bearer') return `Bearer ${credentials.token}`;
    if (way.scheme === 'basic') return credentials?.kind === 'password' ? basic(credentials) : undefined;

    const wanted = grantsOf(scopes);
    const soon = Date.now() + 5000;
    const token = this.#tokens.find(
      ({ grants, expires }) => expires > soon && [...wanted].every((grant) => grants.has(grant)),
    );
    if (token !== undefined) return token.header;
    const key = scopes.join(' ');
    let pending = this.#pending.get(key);
    if (pending === undefined) {
      pending = this.#fetchToken(way, scopes, credentials, subject).finally(() => this.#pending.delete(key));
      this.#pending.set(key, pending);
    }
    return pending;
  }

  async #fetchToken(
    way: Challenge,
    scopes: string[],
    credentials: Credentials | undefined,
    subject: Subject,
  ): Promise<string> {
    const request = this.#tokenRequest(way, scopes, credentials);
    const started = Date.now();
    const answer = await retrying(this.#policy, this.#signal, async () => {
      let body: Buffer;
      try {
        const response = await this.#http.send({
          ...request,
          signal: this.#signal,
          idleMs: this.#policy.idleMs,
          floor: this.#policy,
        });
        if (response.status !== 200) {
          const error = await responseError(response, subject, credentials, this.problems);
          if (response.status === 429 || response.status >= 500) {
            throw new Transient(error, retryAfter(response.headers['retry-after']));
          }
          throw error;
        }
        body = await readBody(response, 1 << 20);
      } catch (error) {
        if (error instanceof Transient) throw error;
        const final = networkError(error, request.url, subject);
        throw isConnectionError(error) ? new Transient(final) : final;
      }
      const token = parseToken(body);
      if (token !== undefined) return token;
      throw new Transient(
        new JettisonError('REGISTRY_ERROR', `${request.url.host} did not answer with a token`, {
          hint: `${this.#registry} names this host for tokens: the registry, or a proxy before it, is misconfigured.`,
        }),
      );
    });
    const header = `Bearer ${answer.token}`;
    const expires = started + answer.life * 1000;
    this.#tokens.push({ header, grants: grantsOf(scopes), expires });
    return header;
  }

  #tokenRequest(way: Challenge, scopes: string[], credentials: Credentials | undefined): HttpRequest {
    const { realm, service } = way.parameters;
    const url = URL.canParse(realm ?? '') ? new URL(realm!) : undefined;
    if (url === undefined || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
      throw new JettisonError('REGISTRY_ERROR', `${this.#registry} names an invalid token server`, {
        hint: 'The registry is misconfigured: its realm must be an http or https URL.',
      });
    }
    if (url.protocol === 'http:' && !this.#insecure) {
      throw new JettisonError(
        'REGISTRY_INSECURE',
        `${this.#registry} uses a token server without TLS, ${url.host}`,
        {
          hint: "The registry's realm must be an https URL; --registry-insecure allows plain http.",
        },
      );
    }
    if (credentials === undefined || credentials.kind === 'bearer') {
      return { method: 'GET', url: withQuery(url, service, scopes) };
    }
    const plainRegistry = isLoopback(this.#registry) && isLoopback(url.host);
    if (url.protocol === 'http:' && !plainRegistry) {
      throw new JettisonError(
        'REGISTRY_INSECURE',
        `${this.#registry} requests credentials over plain http, for ${url.host}`,
        { hint: "The registry's realm must be an https URL." },
      );
    }
    if (credentials.kind === 'password') {
      const target = withQuery(url, service, scopes);
      target.searchParams.set('account', credentials.username);
      return { method: 'GET', url: target, headers: { authorization: basic(credentials) } };
    }
    const form = new URLSearchParams({
      grant_type: 'refresh_token',
      client_id: 'jettison',
      service: service ?? '',
      scope: scopes.join(' '),
      refresh_token: credentials.token,
    });
    return {
      method: 'POST',
      url,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: Buffer.from(form.toString()),
    };
  }
}

function withQuery(realm: URL, service: string | undefined, scopes: string[]): URL {
  const url = new URL(realm);
  if (service !== undefined) url.searchParams.set('service', service);
  for (const scope of scopes) url.searchParams.append('scope', scope);
  return url;
}

function parseToken(body: Buffer): { token: string; life: number } | undefined {
  try {
    const answer = JSON.parse(body.toString('utf8')) as Record<string, unknown>;
    const token = answer['token'] || answer['access_token'];
    const life = Number(answer['expires_in'] ?? DEFAULT_LIFE_S);
    if (typeof token !== 'string' || /[^\x21-\x7e]/.test(token)) return undefined;
    return { token, life: life > 0 ? life : DEFAULT_LIFE_S };
  } catch {
    return undefined;
  }
}

function basic({ username, password }: { username: string; password: string }): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

/** `repository:app:pull,push` for every scope string, each name once, with all its actions. */
export function mergeScopes(scopes: string[]): string[] {
  const actions = new Map<string, Set<string>>();
  for (const scope of scopes) {
    const colon = scope.lastIndexOf(':');
    const known = actions.get(scope.slice(0, colon)) ?? new Set();
    for (const action of scope.slice(colon + 1).split(',')) known.add(action);
    actions.set(scope.slice(0, colon), known);
  }
  return [...actions].map(([name, set]) => `${name}:${[...set].join(',')}`);
}

function grantsOf(scopes: string[]): Set<string> {
  const grants = new Set<string>();
  for (const scope of scopes) {
    const colon = scope.lastIndexOf(':');
    for (const action of scope.slice(colon + 1).split(',')) grants.add(`${scope.slice(0, colon)}:${action}`);
  }
  return grants;
}
