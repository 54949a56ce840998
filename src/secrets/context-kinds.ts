import { isPlaceholderPassword, isWeak } from './placeholders.ts';
import { changes, entropy, isRandom } from './randomness.ts';
import { type Candidate, lazyPattern, type SecretKind, type SecretSeverity } from './secret-kind.ts';
import { isSecretValue } from './secret-names.ts';

/** Ends of `http`, `https`, `amqps`, `postgresql`, `redis` and the like. */
const SCHEMES = 'tp ps ql es db is ss qp rv er sh it ap ts se'.split(' ').map((end) => `${end}://`);

/** How a value is assigned to a name: `name = "value"`, `"name": "value"`, `<name>value<`, `name: NAME` / `value: x`. */
const ASSIGNED =
  '["\'\\]]{0,2}(?:[ \\t]{0,8}(?:=>|:=|=|:)[ \\t]{0,8}|>|"\\s{1,4}value\\s{0,2}=\\s{0,2}|\\s{0,2}\\n[ \\t]{0,40}"?value"?:[ \\t]{0,4})';
/** The value: in quotes, or up to the end of the word. */
const VALUE = '(?<quote>["\'`]?)(?<secret>[^\\s"\'`,;<>(){}[\\]$|&\\\\]{6,512})(?<end>["\'`]?)';

/** Words of names, without their first letter, which may be of either case. */
const NAMES =
  'assword asswd assphrase ecret oken pi_key pi-key piKey pikey ccess_key ccess-key ccessKey redential rivate_key rivate-key rivateKey uth_key uthKey ncryption_key ncryptionKey igning_key igningKey aster_key asterKey _pass _PWD _pwd _AUTH _auth _SALT _PAT= _DSN';
const UPPER =
  'ASSWORD ASSWD ASSPHRASE ECRET OKEN PI_KEY PIKEY CCESS_KEY REDENTIAL RIVATE_KEY UTH_KEY NCRYPTION_KEY IGNING_KEY ASTER_KEY _PASS';

/** Values that are one by what stands around them. The first row that matches is right. */
export const contextKinds = (): SecretKind[] => [
  {
    ...{ id: 'gcp-service-account', title: 'Google service account key', severity: 'critical' },
    anchors: ['service_account"'],
    pattern: () =>
      /service_account"[^}]{0,400}"private_key"\s{0,4}:\s{0,4}"-----BEGIN PRIVATE KEY-----(?:\\n)?(?<secret>[A-Za-z0-9+/=\\n]{64,4000})/y,
    ...{ inside: true, reach: 4096 },
  },
  {
    ...{ id: 'private-key', title: 'private key', severity: 'critical' },
    anchors: ['-----BEGIN '],
    pattern: () =>
      /-----BEGIN (?:[A-Z0-9]{2,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----(?:\\{1,4}[nr]|[\s"'`+,]){0,40}(?:[A-Z][A-Za-z-]{2,20}: [^\n\\]{0,120}(?:\\{1,4}[nr]|\r?\n){1,4}){0,4}(?<secret>[A-Za-z0-9+/=]{40,80})/y,
    ...{ inside: true, reach: 1024, accepts: ({ secret }) => isKeyBody(secret) },
  },
  {
    ...{ id: 'putty-key', title: 'private key of PuTTY', severity: 'critical' },
    anchors: ['PuTTY-User-Key-File-'],
    pattern: () =>
      /PuTTY-User-Key-File-\d: [\s\S]{0,1600}?Private-Lines: \d{1,4}\s{1,2}(?<secret>[A-Za-z0-9+/=]{20,80})/y,
    reach: 2048,
  },
  named(
    'aws-secret-key',
    'AWS secret key',
    'critical',
    'cret_access_key CRET_ACCESS_KEY cretAccessKey cret_key CRET_KEY cretKey',
    /[A-Za-z0-9/+]{40}/,
  ),
  named(
    'aws-session-token',
    'AWS session token',
    'high',
    'ession_token ESSION_TOKEN essionToken',
    /[A-Za-z0-9/+=]{100,1500}/,
  ),
  named(
    'heroku-key',
    'Heroku key',
    'critical',
    'eroku EROKU',
    /[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}/,
  ),
  named('twilio-secret', 'Twilio secret', 'critical', 'wilio WILIO', /(?:SK)?[0-9a-f]{32}/),
  named(
    'discord-token',
    'Discord bot token',
    'critical',
    'iscord ISCORD',
    /[A-Za-z0-9_-]{23,28}\.[A-Za-z0-9_-]{6,7}\.[A-Za-z0-9_-]{27,40}/,
  ),
  named(
    'datadog-key',
    'Datadog key',
    'high',
    'atadog ATADOG DD_API_KEY DD_APP_KEY',
    /(?:[0-9a-f]{40}|[0-9a-f]{32})/,
  ),
  named(
    'cloudflare-token',
    'Cloudflare token',
    'critical',
    'loudflare LOUDFLARE CF_API',
    /[A-Za-z0-9_-]{37,40}/,
  ),
  {
    ...{ id: 'url-password', title: 'password in a URL', severity: 'high' },
    anchors: SCHEMES,
    pattern: () =>
      /[a-z]{2}:\/\/(?<user>[^\s/:@"'`<>]{0,128}):(?<secret>[^\s/@"'`<>]{1,256})@(?<host>\[[^\]\s]{1,64}\]|[^\s/:,?#"'`<>)\]}]{0,255})/y,
    ...{ inside: true, textOnly: true, accepts: isUrlPassword },
  },
  {
    ...{ id: 'authorization-header', title: 'Authorization header', severity: 'high' },
    anchors: ['uthorization'],
    pattern: lazyPattern(
      () =>
        `uthorization${ASSIGNED}["'\`]?(?:[Bb]earer|[Bb]asic|[Tt]oken)\\s(?<secret>[A-Za-z0-9+/=_.~-]{16,512})(?![A-Za-z0-9])`,
    ),
    ...{ inside: true, textOnly: true, accepts: ({ secret }) => isRandom(secret) },
  },
  {
    ...{ id: 'assigned-secret', title: 'secret by its name', severity: 'medium' },
    anchors: [...new Set([...NAMES.split(' '), ...UPPER.split(' ')])],
    pattern: lazyPattern(() => `[\\w.-]{2,80}?${ASSIGNED}${VALUE}`),
    ...{ inside: true, textOnly: true, accepts: isAssignedSecret },
  },
];

/** A value of a form that only a name nearby makes a secret. @param words of the name, or parts of them */
function named(
  id: string,
  title: string,
  severity: SecretSeverity,
  words: string,
  value: RegExp,
): SecretKind {
  const anchors = words.split(' ');
  const name = () => `(?:${anchors.join('|')})[\\w.-]{0,40}`;
  return {
    ...{ id, title, severity, anchors, inside: true, textOnly: true },
    pattern: lazyPattern(() => `${name()}${ASSIGNED}["'\`]?(?<secret>${value.source})(?![A-Za-z0-9/+=])`),
    accepts: ({ secret, name, surroundings }) =>
      surroundings !== 'lock' && !/hash|digest|sha\d|checksum|public/i.test(name) && isRandom(secret),
  };
}

function isUrlPassword({ secret, groups: { user = '', host = '' }, surroundings }: Candidate): boolean {
  if (isPlaceholderPassword(user, secret, host)) return false;
  if (surroundings === 'dotenv' || surroundings === 'settings' || surroundings === 'value') return true;
  // Code puts URLs together, and documents show how: what is in them are words, and marks of templates.
  return (
    !/[${}()[\]*+\\|%]/.test(secret + user) &&
    /^[\w.-]+$/.test(host) &&
    !isWeak(secret) &&
    /[0-9]/.test(secret)
  );
}

function isAssignedSecret({
  secret,
  name,
  groups: { quote = '', end = '' },
  surroundings,
}: Candidate): boolean {
  if (surroundings === 'lock' || quote !== end) return false;
  if (surroundings === 'code' && (quote === '' || secret.length < 16 || !isRandom(secret))) return false;
  return isSecretValue(name, secret, surroundings === 'dotenv' || surroundings === 'value');
}

/** Base64 of a key: not words, which programs have after such a line, and not one character again and again. */
function isKeyBody(body: string): boolean {
  return new Set(body).size >= 12 && /[0-9]/.test(body) && entropy(body) >= 3.2 && changes(body) >= 0.25;
}
