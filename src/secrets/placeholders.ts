/** Placeholders for secrets, in examples and tests. */
const PLACEHOLDERS = [
  /^$/,
  /^<.*>$/s,
  /^\[.*\]$/s,
  /^\{\{.*\}\}$/s,
  /^\$(?:\w+|\{.*\}|\(.*\))$/s,
  /^%\w*%?$/,
  /^(.)\1*$/s,
  /change_?-?me|replace_?-?me|place_?-?holder|x{4}|\*{3}|\.{3}/i,
  /(?:^|[^a-z])(?:your|dummy|example|sample|fake|mock|todo|fixme|insert|redacted|none|null|undefined|unset|not_?-?set)(?:$|[^a-z])/i,
  /EXAMPLE/,
  // Of the settings.xml that comes with Maven.
  /^(?:repopwd|proxypass)$/,
];

/** Keys pressed one after the other. */
const SEQUENCE = /0123456789|1234567890|abcdefghij/;

/** Common passwords of local test services. */
const WEAK = new Set(
  [
    'pass passwd password passw0rd pw pwd secret secrets secretpassword my-secret-pw mysecretpassword token key',
    'user username admin root guest default test testing tests dev development local build ci demo foo bar baz',
    'postgres postgresql mysql mariadb mongo mongodb redis rabbitmq sa sqlserver minio minioadmin elastic',
    'qwerty letmein abc abc123 1234 12345 123456 12345678 123456789',
  ]
    .join(' ')
    .split(' '),
);

/** Whether a value is a placeholder. */
export function isPlaceholder(value: string): boolean {
  return PLACEHOLDERS.some((pattern) => pattern.test(value));
}

/** Whether a token stands for one: a placeholder, or few characters again and again. */
export function isPlaceholderToken(token: string): boolean {
  const rest = token.replace(/^[A-Za-z]+[_-]/, '');
  const body = rest.length < 8 ? token : rest;
  return isPlaceholder(token) || new Set(body).size <= 3 || SEQUENCE.test(token);
}

/** Whether everybody has that password. */
export function isWeak(password: string): boolean {
  return WEAK.has(password.toLowerCase());
}

/**
 * Whether the password of a URL is not a secret: a placeholder, or a common password for this machine or for a host
 * that looks like a container's name.
 *
 * @param host as written, without its port
 */
export function isPlaceholderPassword(user: string, password: string, host: string): boolean {
  if (isPlaceholder(password)) return true;
  if (!isLocal(host)) return false;
  const text = password.toLowerCase();
  return text === user.toLowerCase() || isWeak(text);
}

function isLocal(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[|\]$/g, '');
  return (
    !name.includes('.') ||
    /^127\.|^0\.0\.0\.0$|^host\.docker\.internal$|(?:^|\.)(?:localhost|local|test|invalid)$|(?:^|\.)example(?:\.(?:com|net|org))?$/.test(
      name,
    )
  );
}
