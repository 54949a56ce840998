import { JettisonError } from '../errors/error.ts';
import { isLoopback } from '../registry/endpoint.ts';
import { withoutAnswer } from '../registry/errors.ts';
import { discard, Http, readBody } from '../registry/http.ts';
import { DEFAULT_RETRY, retryAfter, retrying, TRANSIENT_STATUS, Transient } from '../registry/retry.ts';

/** The longest answer that is read, in bytes: OSV's own limit is half of that. */
const LARGEST = 64 << 20;
const ATTEMPTS = 4;

/** Asks servers that answer questions about advisories with JSON. Redirects are not followed. */
export class AdvisoryServer {
  readonly #http: Http;
  readonly #signal: AbortSignal;

  constructor({ env, signal }: { env: NodeJS.ProcessEnv; signal: AbortSignal }) {
    this.#http = new Http(env);
    this.#signal = signal;
  }

  /**
   * Sends a question; with a body it is a POST of JSON.
   *
   * @param authorization sent to this URL only, and not over plain http
   * @throws JettisonError `ADVISORIES_UNAVAILABLE`
   */
  ask(url: URL, { body, authorization }: { body?: unknown; authorization?: string } = {}): Promise<unknown> {
    if (url.protocol === 'http:' && !isLoopback(url.host)) {
      throw unavailable(url, 'it is plain http, which is not authenticated');
    }
    const text = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    return retrying({ ...DEFAULT_RETRY, attempts: ATTEMPTS }, this.#signal, async () => {
      try {
        const response = await this.#http.send({
          method: text === undefined ? 'GET' : 'POST',
          url,
          headers: {
            accept: 'application/json',
            ...(text !== undefined && { 'content-type': 'application/json' }),
            ...(authorization !== undefined && { authorization }),
          },
          ...(text !== undefined && { body: text }),
          signal: this.#signal,
        });
        if (response.status !== 200) {
          discard(response);
          const error = unavailable(url, `it answers ${response.status}`);
          throw TRANSIENT_STATUS.has(response.status)
            ? new Transient(error, retryAfter(response.headers['retry-after']))
            : error;
        }
        return JSON.parse((await readBody(response, LARGEST)).toString());
      } catch (error) {
        if (error instanceof RangeError || error instanceof SyntaxError) {
          throw unavailable(
            url,
            error instanceof SyntaxError ? 'its answer is not JSON' : error.message,
            error,
          );
        }
        throw withoutAnswer(error, (reason) => unavailable(url, reason, error));
      }
    });
  }

  close(): void {
    this.#http.close();
  }
}

function unavailable({ origin, pathname }: URL, reason: string, cause?: unknown): JettisonError {
  return new JettisonError(
    'ADVISORIES_UNAVAILABLE',
    `${origin}${pathname} cannot be asked for advisories: ${reason}`,
    {
      hint: 'Check the address and the network; `jettison db pull` fetches advisories once, for all scans.',
      ...(cause !== undefined && { cause }),
    },
  );
}
