/** The login in a URL, decoded; undefined when it has none. A part that is not percent-encoded text stays as it is. */
export function loginIn({ username, password }: URL): { username: string; password: string } | undefined {
  if (username === '' && password === '') return undefined;
  return { username: decoded(username), password: decoded(password) };
}

/** The `Authorization` for the login in a URL; undefined when it has no user. */
export function basicLogin(url: URL): string | undefined {
  const login = url.username === '' ? undefined : loginIn(url);
  return login && `Basic ${Buffer.from(`${login.username}:${login.password}`).toString('base64')}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
