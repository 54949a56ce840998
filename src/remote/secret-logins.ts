import { JettisonError } from '../errors/error.ts';

/** Content of a build's secrets, by id. */
export type Secrets = ReadonlyMap<string, Uint8Array>;

/**
 * The `Authorization` header for a git repository, from the same secrets as in BuildKit: `GIT_AUTH_HEADER.HOST` and
 * `GIT_AUTH_TOKEN.HOST`, else `GIT_AUTH_HEADER` and `GIT_AUTH_TOKEN`. HOST includes the URL's port, if any.
 *
 * @returns the header's value, e.g. `basic eC1hY2…`, in Latin-1
 * @throws JettisonError `SECRET_INVALID` for control characters or line breaks
 */
export function gitAuthorization({ host }: URL, secrets: Secrets): string | undefined {
  for (const suffix of [`.${host}`, '']) {
    const header = headerText(`GIT_AUTH_HEADER${suffix}`, secrets);
    if (header !== undefined) return header;
    const token = headerText(`GIT_AUTH_TOKEN${suffix}`, secrets);
    if (token !== undefined) return basic(`x-access-token:${token}`);
  }
  return undefined;
}

/**
 * The `Authorization` header for a URL of ADD or of a context: the secret `HTTP_AUTH_TOKEN_HOST` as a bearer token, else
 * `HTTP_AUTH_HEADER_HOST` unchanged. HOST has no port, as in BuildKit.
 *
 * @returns the header's value, in Latin-1
 * @throws JettisonError `SECRET_INVALID` for control characters or line breaks
 */
export function httpAuthorization({ hostname }: URL, secrets: Secrets): string | undefined {
  // Go, and so BuildKit, writes an IPv6 address without brackets.
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  const token = headerText(`HTTP_AUTH_TOKEN_${host}`, secrets);
  return token === undefined ? headerText(`HTTP_AUTH_HEADER_${host}`, secrets) : `Bearer ${token}`;
}

/** User and password of a Basic header. @param header in Latin-1 */
export function basicLogin(header: string): { username: string; password: string } | undefined {
  const encoded = /^basic +([A-Za-z0-9+/]+={0,2})$/i.exec(header)?.[1];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (colon < 0 || /[\0\r\n\ufffd]/.test(text)) return undefined;
  return { username: text.slice(0, colon), password: text.slice(colon + 1) };
}

function basic(login: string): string {
  return `basic ${Buffer.from(login, 'latin1').toString('base64')}`;
}

/** A secret as part of a header. An empty one counts as absent; one line break at its end is removed. */
function headerText(id: string, secrets: Secrets): string | undefined {
  const content = secrets.get(id);
  if (content === undefined) return undefined;
  const text = Buffer.from(content)
    .toString('latin1')
    .replace(/\r?\n$/, '');
  if (text === '') return undefined;
  if (/^[\t\x20-\x7e\x80-\xff]+$/.test(text)) return text;
  throw new JettisonError(
    'SECRET_INVALID',
    `invalid secret "${id}": it has a control character or a line break`,
    {
      hint: 'Its value is sent in a header: pass only the token or header, with --secret id=NAME,env=VARIABLE.',
    },
  );
}
