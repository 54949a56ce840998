import { Readable } from 'node:stream';
import { JettisonError } from '../errors/error.ts';
import type { Authorizer } from './authorizer.ts';
import { parseChallenges } from './challenge.ts';
import { networkError, responseError, type Subject } from './errors.ts';
import { discard, type Http, type HttpRequest, type HttpResponse, readBody } from './http.ts';
import {
  isConnectionError,
  type Patience,
  retryAfter,
  retrying,
  TRANSIENT_STATUS,
  Transient,
} from './retry.ts';

/** A request to a registry's API. */
export interface ApiRequest extends Omit<HttpRequest, 'url' | 'signal' | 'idleMs'> {
  /** Path with query below the registry's root, e.g. `/v2/app/manifests/latest`, or the URL of a `Location` header. */
  target: string | URL;
  subject: Subject;
  /** Scopes that the token must grant, e.g. `repository:app:pull`. */
  scopes: string[];
  /** Expected status codes; all others are errors. */
  expect: number[];
  /** The registry stores data before it answers: a longer idle time is allowed. */
  commits?: boolean;
}

const MAX_REDIRECTS = 10;
/** One for an expired token, one for a scope that the registry adds. */
const MAX_CHALLENGES = 2;

/** A client of one registry: finds its scheme, authorises, follows redirects, retries. */
export class Connection {
  /** In the order in which to try. */
  readonly #bases: URL[];
  readonly #http: Http;
  readonly #authorizer: Authorizer;
  /** Whether plain http is allowed. */
  readonly #insecure: boolean;
  /** The base URL that answered; undefined before the first answer. */
  #base: URL | undefined;
  /** Authorisations that have worked: a later refusal of one is a temporary failure of the registry. */
  readonly #allowed = new Set<string>();

  constructor(
    bases: URL[],
    http: Http,
    authorizer: Authorizer,
    readonly policy: Patience,
    readonly signal: AbortSignal | undefined,
    insecure: boolean,
  ) {
    this.#bases = bases;
    this.#http = http;
    this.#authorizer = authorizer;
    this.#insecure = insecure;
  }

  /**
   * Sends a request, with retries, until it gets an expected status and `consume` has read the response.
   *
   * @param consume reads the response; after a lost connection or a `Transient` from it, the request is sent again
   * @throws JettisonError `REGISTRY_…`
   */
  send<T>(request: ApiRequest, consume: (response: HttpResponse) => Promise<T> | T): Promise<T> {
    return retrying(this.policy, this.signal, async () => {
      const response = await this.sendOnce(request);
      try {
        return await consume(response);
      } catch (error) {
        if (isConnectionError(error)) throw new Transient(networkError(error, response.url, request.subject));
        throw error;
      }
    });
  }

  /**
   * Sends a request once.
   *
   * @throws Transient when a retry may succeed
   * @throws JettisonError `REGISTRY_…`
   */
  async sendOnce(request: ApiRequest): Promise<HttpResponse> {
    const { subject, scopes, expect } = request;
    let authorization = await this.#authorizer.header(scopes, subject);
    for (let challenges = 0; ; challenges++) {
      const response = await this.#follow(request, authorization);
      if (response.status === 401 && challenges < MAX_CHALLENGES && this.#isOwn(response.url)) {
        const offers = parseChallenges(response.headers['www-authenticate']);
        const next = await this.#authorizer.respond(offers, scopes, subject, authorization);
        if (next !== undefined) {
          discard(response);
          authorization = next;
          continue;
        }
      }
      const access = request.method === 'GET' || request.method === 'HEAD' ? 'reads' : 'writes';
      const visit = `${authorization} ${access} ${scopes.join(' ')}`;
      if (expect.includes(response.status)) {
        this.#allowed.add(visit);
        return response;
      }
      const credentials = await this.#authorizer.credentials(subject.repository);
      const error = await responseError(response, subject, credentials, this.#authorizer.problems);
      const passing = response.status === 401 && this.#allowed.has(visit);
      if (!passing && !TRANSIENT_STATUS.has(response.status)) throw error;
      throw new Transient(error, retryAfter(response.headers['retry-after']));
    }
  }

  /**
   * Resolves a `Location` header, absolute or relative. A registry behind a TLS proxy may answer with http for its own
   * host: https is kept then. Redirects from https to http on other hosts are refused, unless the registry is insecure.
   *
   * @throws TypeError when it is not an http or https URL
   * @throws JettisonError `REGISTRY_INSECURE`
   */
  locate(location: string, from: URL): URL {
    const url = new URL(location, from);
    if (url.protocol !== 'http:' && url.protocol !== 'https:')
      throw new TypeError(`invalid scheme ${url.protocol}`);
    if (url.protocol === 'http:' && from.protocol === 'https:' && url.hostname === from.hostname) {
      url.protocol = 'https:';
    }
    if (url.protocol === 'http:' && from.protocol === 'https:' && !this.#insecure) {
      throw new JettisonError(
        'REGISTRY_INSECURE',
        `${from.host} redirects from https to http, at ${url.host}`,
        {
          hint: 'The registry is misconfigured: plain http is not authenticated. --registry-insecure allows it.',
          details: { host: url.host },
        },
      );
    }
    return url;
  }

  /** Whether a URL is on the registry's own host: only that gets the credentials. */
  #isOwn(url: URL): boolean {
    return this.#base !== undefined && url.origin === this.#base.origin;
  }

  async #follow(request: ApiRequest, authorization: string | undefined): Promise<HttpResponse> {
    const { target, subject } = request;
    let url: URL | undefined = target instanceof URL ? target : undefined;
    for (let redirects = 0; ; redirects++) {
      const { response, at } = await this.#transfer(request, url, authorization);
      const { location } = response.headers;
      const kept = request.method === 'GET' || request.method === 'HEAD';
      const redirect =
        response.status === 307 || response.status === 308 || (kept && isRedirect(response.status));
      if (!redirect || location === undefined || redirects === MAX_REDIRECTS) return response;
      discard(response);
      try {
        url = this.locate(location, at);
      } catch (error) {
        if (error instanceof JettisonError) throw error;
        throw networkError(Object.assign(new Error('bad redirect'), { code: 'HPE_LOCATION' }), at, subject);
      }
    }
  }

  async #transfer(
    request: ApiRequest,
    url: URL | undefined,
    authorization: string | undefined,
  ): Promise<{ response: HttpResponse; at: URL }> {
    const attempt = async (at: URL): Promise<{ response: HttpResponse; at: URL }> => {
      const own = url === undefined || this.#isOwn(at);
      const headers = {
        ...request.headers,
        ...(own && authorization !== undefined ? { authorization } : {}),
      };
      const idleMs = request.commits ? this.policy.commitIdleMs : this.policy.idleMs;
      const { method, body } = request;
      const sent = { method, url: at, headers, signal: this.signal, idleMs, floor: this.policy };
      return { response: await this.#http.send(body === undefined ? sent : { ...sent, body }), at };
    };
    const known = this.#base;
    const at = url ?? (known === undefined ? undefined : resolveTarget(known, request.target as string));
    try {
      return at === undefined ? await this.#discover(request, attempt) : await attempt(at);
    } catch (error) {
      if (error instanceof Transient) throw error;
      const final = networkError(error, at ?? this.#bases[0]!, request.subject);
      throw isConnectionError(error) ? new Transient(final) : final;
    }
  }

  /** Sends the first request: tries each base URL until one speaks its scheme. */
  async #discover(
    request: ApiRequest,
    attempt: (url: URL) => Promise<{ response: HttpResponse; at: URL }>,
  ): Promise<{ response: HttpResponse; at: URL }> {
    let first: unknown;
    for (const base of this.#bases) {
      try {
        const answer = await attempt(resolveTarget(base, request.target as string));
        const last = base === this.#bases.at(-1);
        if (base.protocol === 'http:' && !last && (await wantsTls(answer.response))) continue;
        this.#base = base;
        return answer;
      } catch (error) {
        first ??= error;
        if (!mayBeOtherScheme(base, error)) break;
      }
    }
    throw first;
  }
}

function resolveTarget(base: URL, target: string): URL {
  return new URL(base.href.replace(/\/$/, '') + target);
}

function isRedirect(status: number): boolean {
  return status === 301 || status === 302 || status === 303;
}

/** Whether a response is a TLS server's error for plain http, as of Go and nginx. Puts the body back for the reader. */
async function wantsTls(response: HttpResponse): Promise<boolean> {
  if (response.status !== 400) return false;
  const body = await readBody(response, 64 << 10);
  response.stream = Readable.from([body]);
  return /HTTPS/.test(body.toString('latin1'));
}

function mayBeOtherScheme(base: URL, error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? '';
  if (code === 'ECONNRESET' || code === 'EPIPE') return true;
  return base.protocol === 'https:'
    ? code === 'EPROTO' || code === 'ECONNREFUSED' || code.startsWith('ERR_SSL_')
    : code.startsWith('HPE_');
}
