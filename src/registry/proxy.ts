import { request as httpRequest, type RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { BlockList, isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { type ConnectionOptions, connect as tlsConnect } from 'node:tls';
import { JettisonError } from '../errors/error.ts';
import { hostName, isLoopback } from './endpoint.ts';
import { basicLogin } from './url-login.ts';

const CONNECT_MS = 30_000;

/**
 * The proxy for a URL, from the usual variables: `HTTPS_PROXY` and `HTTP_PROXY` by the scheme of the URL, `ALL_PROXY` for
 * both, `NO_PROXY` for exceptions; lower case takes precedence. The loopback interface is never proxied.
 *
 * @returns undefined for a direct connection
 * @throws JettisonError `PROXY_INVALID` when the variable is not an http(s) URL
 */
export function proxyFor(url: URL, env: NodeJS.ProcessEnv): URL | undefined {
  const get = (name: string) => env[name.toLowerCase()] || env[name] || '';
  const text = get(url.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY') || get('ALL_PROXY');
  if (text === '' || isLoopback(url.host) || isExcepted(url, get('NO_PROXY'))) return undefined;
  let proxy: URL | undefined;
  try {
    proxy = new URL(text.includes('://') ? text : `http://${text}`);
  } catch {
    // Reported below, together with other schemes.
  }
  if (proxy === undefined || (proxy.protocol !== 'http:' && proxy.protocol !== 'https:')) {
    // Without the value, which may contain a password.
    throw new JettisonError(
      'PROXY_INVALID',
      `the proxy for ${url.protocol}// URLs is not an http or https URL`,
      {
        hint: 'Set HTTPS_PROXY (and HTTP_PROXY) to a URL such as http://proxy.example.com:3128.',
      },
    );
  }
  return proxy;
}

/** `NO_PROXY`: comma-separated hosts, domains (with all below them), addresses, CIDR ranges, `*`; with port or not. */
function isExcepted(url: URL, list: string): boolean {
  const host = hostName(url.hostname).toLowerCase();
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  return list.split(/[\s,]+/).some((raw) => {
    let entry = raw.toLowerCase();
    if (entry === '') return false;
    if (entry === '*') return true;
    const withPort = /^(\[[^\]]+\]|[^:]+):(\d+)$/.exec(entry);
    if (withPort !== null) {
      if (withPort[2] !== port) return false;
      entry = withPort[1]!;
    }
    entry = entry.replace(/^\[|\]$/g, '');
    const range = /^([0-9a-f.:]+)\/(\d+)$/.exec(entry);
    if (range !== null) return inRange(host, range[1]!, Number(range[2]));
    const domain = entry.replace(/^\*?\./, '');
    // With a leading dot only subdomains match.
    return (host === domain && !entry.startsWith('.')) || host.endsWith(`.${domain}`);
  });
}

function inRange(host: string, network: string, bits: number): boolean {
  const family = isIP(network);
  if (family === 0 || isIP(host) !== family || bits > (family === 4 ? 32 : 128)) return false;
  const type = family === 4 ? 'ipv4' : 'ipv6';
  const list = new BlockList();
  list.addSubnet(network, bits, type);
  return list.check(host, type);
}

/** The `Proxy-Authorization` header for a proxy whose URL contains a user. */
export function proxyAuthorization(proxy: URL): Record<string, string> {
  const login = basicLogin(proxy);
  return login === undefined ? {} : { 'proxy-authorization': login };
}

/** Opens https connections through a proxy's CONNECT, and pools them like any agent. */
export class TunnelAgent extends HttpsAgent {
  readonly #proxy: URL;

  constructor(proxy: URL, options: ConstructorParameters<typeof HttpsAgent>[0]) {
    super(options);
    this.#proxy = proxy;
  }

  override createConnection(
    options: RequestOptions,
    callback?: (error: Error | null, stream: Duplex) => void,
  ): Duplex | null | undefined {
    // On failure Node uses the error only.
    const done = callback as (error: Error | null, stream?: Duplex) => void;
    const host = String(options.host);
    const target = `${host.includes(':') ? `[${host}]` : host}:${options.port}`;
    const secure = this.#proxy.protocol === 'https:';
    const connect = (secure ? httpsRequest : httpRequest)({
      host: hostName(this.#proxy.hostname),
      port: this.#proxy.port || (secure ? 443 : 80),
      method: 'CONNECT',
      path: target,
      headers: { host: target, ...proxyAuthorization(this.#proxy) },
      agent: false,
      timeout: CONNECT_MS,
    });
    connect.once('timeout', () => connect.destroy(new Error('it does not answer')));
    connect.once('error', (error) => done(this.#failure(error.message, error)));
    connect.once('response', (response) => {
      response.resume();
      done(this.#failure(`it answered ${response.statusCode}`));
    });
    connect.once('connect', (response, socket) => {
      if (response.statusCode !== 200) {
        socket.destroy();
        done(this.#failure(`it answered ${response.statusCode}`));
        return;
      }
      socket.setTimeout(0);
      done(null, tlsConnect({ ...(options as ConnectionOptions), socket }));
    });
    connect.end();
    return undefined;
  }

  #failure(reason: string, cause?: Error): JettisonError {
    return new JettisonError('PROXY_FAILED', `cannot use the proxy ${this.#proxy.host}: ${reason}`, {
      hint: 'Check HTTPS_PROXY, or exclude the registry with NO_PROXY.',
      cause,
    });
  }
}
