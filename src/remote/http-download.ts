import { createHash } from 'node:crypto';
import { createWriteStream, existsSync, mkdirSync, renameSync, rmSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { JettisonError } from '../errors/error.ts';
import { withoutCredentials } from '../errors/safe-text.ts';
import { counted, type OnProgress, transferName } from '../events/transfer.ts';
import type { Digest } from '../image/digest.ts';
import { withoutAnswer } from '../registry/errors.ts';
import { discard, type Http, type HttpResponse } from '../registry/http.ts';
import { DEFAULT_RETRY, retryAfter, retrying, TRANSIENT_STATUS, Transient } from '../registry/retry.ts';
import { basicLogin } from '../registry/url-login.ts';
import type { StoreLayout } from '../store/layout.ts';
import { readRecord, recordText } from '../store/record-file.ts';
import { temporaryPath, writeWhole } from '../store/temporary.ts';
import { httpAuthorization, type Secrets } from './secret-logins.ts';

/** A file that was fetched from a URL. */
export interface Download {
  /** Absolute path of its content in the store; its modification time is `mtime`. */
  path: string;
  digest: Digest;
  size: number;
  /** From `Last-Modified`, in seconds since 1970; 0 without. */
  mtime: number;
}

/** `downloads/<digest of the URL>.json`: the last download of a URL, which is stored without credentials. */
interface Remembered extends Omit<Download, 'path'> {
  url: string;
  etag?: string;
  lastModified?: string;
}

export interface DownloadOptions {
  layout: StoreLayout;
  http: Http;
  /** The build's secrets; some hold credentials for hosts. */
  secrets?: Secrets;
  signal?: AbortSignal;
  onProgress?: OnProgress;
}

const MAX_REDIRECTS = 10;

/**
 * Downloads a URL into the store. A stored copy is used if it has the expected digest, or if the server answers 304 for
 * its validators (`ETag`, `Last-Modified`); without validators the URL is downloaded again.
 *
 * @param expected the required digest of the content
 * @throws JettisonError `DOWNLOAD_FAILED`, `DIGEST_MISMATCH`
 */
export async function download(
  url: string,
  expected: Digest | undefined,
  options: DownloadOptions,
): Promise<Download> {
  const { layout, signal } = options;
  const record = join(
    layout.downloads,
    `${createHash('sha256').update(withoutCredentials(url)).digest('hex')}.json`,
  );
  const known = remembered(layout, record);
  if (known !== undefined && known.digest === expected) return known;
  const found = await retrying(DEFAULT_RETRY, signal, async () => {
    try {
      return await fetchOnce(url, known, options);
    } catch (error) {
      throw withoutAnswer(error, (reason) => failed(url, reason, { cause: error }));
    }
  });
  const { path, ...facts } = found;
  if (expected !== undefined && found.digest !== expected) {
    throw new JettisonError('DIGEST_MISMATCH', `${url} has the digest ${found.digest}, not ${expected}`, {
      hint: 'Check what changed at the URL; if that is intended, update the checksum.',
    });
  }
  writeWhole(layout, record, recordText(facts));
  return found;
}

function remembered(layout: StoreLayout, record: string): (Remembered & { path: string }) | undefined {
  const known = readRecord<Remembered>(record);
  const path = known && contentPath(layout, known);
  return path !== undefined && existsSync(path) ? { ...known!, path } : undefined;
}

/** Named by digest and time, because the file's time is that of the layer's entry. */
function contentPath(layout: StoreLayout, { digest, mtime }: Pick<Download, 'digest' | 'mtime'>): string {
  return join(layout.downloads, `${digest.slice('sha256:'.length)}-${mtime}`);
}

async function fetchOnce(
  url: string,
  known: (Remembered & { path: string }) | undefined,
  options: DownloadOptions,
): Promise<Remembered & { path: string }> {
  const headers: Record<string, string> = { accept: '*/*' };
  if (known?.etag !== undefined) headers['if-none-match'] = known.etag;
  else if (known?.lastModified !== undefined) headers['if-modified-since'] = known.lastModified;
  const response = await follow(url, headers, options);
  const { status } = response;
  if (status === 304 && known !== undefined) {
    discard(response);
    return known;
  }
  if (status !== 200) {
    discard(response);
    const error = refused(url, status, options);
    throw TRANSIENT_STATUS.has(status)
      ? new Transient(error, retryAfter(response.headers['retry-after']))
      : error;
  }
  return keep(url, response, options);
}

async function follow(
  url: string,
  headers: Record<string, string>,
  { http, signal, secrets = new Map() }: DownloadOptions,
): Promise<HttpResponse> {
  const first = parse(url, url);
  const given = httpAuthorization(first, secrets);
  let at = first;
  for (let redirects = 0; ; redirects++) {
    const response = await http.send({
      method: 'GET',
      url: at,
      headers: {
        ...headers,
        ...login(at),
        ...(given !== undefined && isSameHost(first, at) ? { authorization: given } : {}),
      },
      signal,
    });
    const { location } = response.headers;
    if (![301, 302, 303, 307, 308].includes(response.status) || location === undefined) return response;
    discard(response);
    if (redirects === MAX_REDIRECTS) throw failed(url, `it redirects more than ${MAX_REDIRECTS} times`);
    at = parse(location, url, at);
  }
}

function parse(location: string, url: string, base?: URL): URL {
  try {
    const parsed = new URL(location, base);
    if (parsed.protocol === 'http:' || parsed.protocol === 'https:') return parsed;
  } catch {
    // Reported below, with other schemes.
  }
  throw failed(url, `"${location}" is not an http or https URL`);
}

/** Whether a redirect may receive the URL's credentials: same host, and not from https to http. */
function isSameHost(from: URL, to: URL): boolean {
  if (from.origin === to.origin) return true;
  const isUpgrade = from.protocol === 'http:' && to.protocol === 'https:';
  return isUpgrade && from.hostname === to.hostname && from.port === '' && to.port === '';
}

function login(url: URL): Record<string, string> {
  const authorization = basicLogin(url);
  return authorization === undefined ? {} : { authorization };
}

async function keep(
  url: string,
  response: HttpResponse,
  { layout, signal, onProgress = () => {} }: DownloadOptions,
): Promise<Remembered & { path: string }> {
  const temporary = temporaryPath(layout, 'download');
  const hash = createHash('sha256');
  const item = transferName(url);
  const length = Number(response.headers['content-length'] ?? Number.NaN);
  let size = 0;
  try {
    await pipeline(
      counted(response.stream as AsyncIterable<Buffer>, {
        item,
        ...(Number.isSafeInteger(length) && { size: length }),
        onProgress,
      }),
      async function* (chunks: AsyncIterable<Buffer>) {
        for await (const chunk of chunks) {
          hash.update(chunk);
          size += chunk.length;
          yield chunk;
        }
      },
      createWriteStream(temporary),
      signal === undefined ? {} : { signal },
    );
    onProgress({ item, size, state: 'done', moved: size });
    const { etag, 'last-modified': lastModified } = response.headers;
    const date = lastModified === undefined ? Number.NaN : Date.parse(lastModified);
    const mtime = Number.isNaN(date) ? 0 : Math.floor(date / 1000);
    const digest: Digest = `sha256:${hash.digest('hex')}`;
    utimesSync(temporary, mtime, mtime);
    mkdirSync(layout.downloads, { recursive: true });
    const path = contentPath(layout, { digest, mtime });
    renameSync(temporary, path);
    return {
      url: withoutCredentials(url),
      path,
      digest,
      size,
      mtime,
      ...(etag === undefined ? {} : { etag }),
      ...(lastModified === undefined ? {} : { lastModified }),
    };
  } finally {
    rmSync(temporary, { force: true });
  }
}

function refused(url: string, status: number, { secrets = new Map() }: DownloadOptions): JettisonError {
  const reason = `the server answers ${status}`;
  const details = { status };
  const { hostname } = new URL(url);
  const isAnonymous = httpAuthorization(new URL(url), secrets) === undefined;
  return (status === 401 || status === 403) && isAnonymous
    ? failed(url, reason, {
        details,
        hint: `If it needs a token, pass it: --secret id=HTTP_AUTH_TOKEN_${hostname},env=VARIABLE.`,
      })
    : failed(url, reason, { details });
}

function failed(
  url: string,
  reason: string,
  more: { cause?: unknown; hint?: string; details?: Record<string, unknown> } = {},
): JettisonError {
  return new JettisonError('DOWNLOAD_FAILED', `${url} cannot be fetched: ${reason}`, {
    hint: 'Check the URL, and HTTPS_PROXY where there is a proxy.',
    ...more,
  });
}
