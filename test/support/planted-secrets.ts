/**
 * Secrets that are made when a test runs, so that no file of this repository holds one: the forms that services document,
 * with random values and right checksums.
 */
import { crc32 } from 'node:zlib';
import { randomNumbers } from './seed.ts';

const DIGITS = '0123456789';
const LOWER = 'abcdefghijklmnopqrstuvwxyz';
const UPPER = LOWER.toUpperCase();
const WORD = DIGITS + UPPER + LOWER;
const HEX = '0123456789abcdef';

/** A secret, and a file that has it. */
export interface Planted {
  /** The id of the kind that it is found as. */
  kind: string;
  value: string;
  path: string;
  content: string;
}

type Draw = (length: number, alphabet?: string) => string;
type Row = [kind: string, make: (draw: Draw) => { value: string; path?: string; content?: string }];

/** A form without its parts together: no scanner takes this file for a leak. */
const join = (...parts: string[]) => parts.join('');

function withCrc32(prefix: string, body: string): string {
  let rest = crc32(body);
  let check = '';
  for (let at = 0; at < 6; at++) {
    check = (DIGITS + UPPER + LOWER)[rest % 62] + check;
    rest = Math.floor(rest / 62);
  }
  return prefix + body + check;
}

const jwt = (draw: Draw) =>
  [JSON.stringify({ alg: 'HS256', typ: 'JWT' }), JSON.stringify({ sub: draw(8), iat: 1700000000 })]
    .map((part) => Buffer.from(part).toString('base64url'))
    .concat(draw(43))
    .join('.');

const pem = (type: string, body: string) =>
  [`${join('-----BEGIN ', type)}-----`, ...body.match(/.{1,64}/g)!, `-----END ${type}-----`, ''].join('\n');

/** One row a kind, or a form of one. */
const ROWS: Row[] = [
  ...['p', 'o', 'u', 's', 'r'].map(
    (letter): Row => ['github-token', (draw) => ({ value: withCrc32(join('gh', letter, '_'), draw(30)) })],
  ),
  ['github-token', (draw) => ({ value: join('github', '_pat_', draw(22), '_', draw(59)) })],
  ['gitlab-token', (draw) => ({ value: join('gl', 'pat-', draw(20)) })],
  ['npm-token', (draw) => ({ value: withCrc32(join('npm', '_'), draw(30)) })],
  ['docker-hub-token', (draw) => ({ value: join('dckr', '_pat_', draw(27)) })],
  ['pypi-token', (draw) => ({ value: join('pypi-', 'AgEIcHlwaS5vcmc', draw(80)) })],
  ['rubygems-key', (draw) => ({ value: join('rubygems', '_', draw(48, HEX)) })],
  ['aws-access-key-id', (draw) => ({ value: join('AK', 'IA', draw(16, `${UPPER}234567`)) })],
  [
    'aws-secret-key',
    (draw) => {
      const value = `${draw(38)}/9`;
      return {
        value,
        path: 'root/.aws/credentials',
        content: `[default]\naws_secret_access_key = ${value}\n`,
      };
    },
  ],
  [
    'gcp-service-account',
    (draw) => {
      const value = draw(120);
      const key = `${join('-----BEGIN ', 'PRIVATE KEY-----')}\\n${value}\\n-----END PRIVATE KEY-----\\n`;
      const content = `{"type": "service_account", "project_id": "acme", "private_key": "${key}"}`;
      return { value, path: 'app/gcp.json', content };
    },
  ],
  ['google-api-key', (draw) => ({ value: join('AI', 'za', draw(35)) })],
  ['google-oauth-secret', (draw) => ({ value: join('GOC', 'SPX-', draw(28)) })],
  ['azure-storage-key', (draw) => assigned(`${draw(86)}==`, 'AccountName=acme;AccountKey=')],
  ['azure-access-key', (draw) => assigned(`${draw(43)}=`, 'SharedAccessKeyName=root;SharedAccessKey=')],
  ['azure-devops-token', (draw) => ({ value: `${draw(76)}${join('AZ', 'DO')}${draw(4)}` })],
  ['digitalocean-token', (draw) => ({ value: join('dop', '_v1_', draw(64, HEX)) })],
  ['heroku-key', (draw) => ({ value: join('HR', 'KU-', draw(60)) })],
  ['heroku-key', (draw) => assigned([8, 4, 4, 4, 12].map((n) => draw(n, HEX)).join('-'), 'HEROKU_API_KEY=')],
  [
    'slack-token',
    (draw) => ({ value: join('xo', 'xb-', draw(12, DIGITS), '-', draw(12, DIGITS), '-', draw(24)) }),
  ],
  [
    'slack-webhook',
    (draw) => assigned(`services/T${draw(10)}/B${draw(10)}/${draw(24)}`, 'https://hooks.slack.com/'),
  ],
  [
    'discord-webhook',
    (draw) => assigned(`${draw(18, '123456789')}/${draw(68)}`, 'https://discord.com/api/webhooks/'),
  ],
  ['discord-token', (draw) => assigned(`M${draw(23)}.${draw(6)}.${draw(38)}`, 'DISCORD_BOT_TOKEN=')],
  ['telegram-token', (draw) => ({ value: `${draw(10, '123456789')}:${join('AA', 'E')}${draw(32)}` })],
  ['sendgrid-key', (draw) => ({ value: join('S', 'G.', draw(22), '.', draw(43)) })],
  ['mailgun-key', (draw) => ({ value: join('ke', 'y-', draw(32, HEX)) })],
  ['twilio-secret', (draw) => assigned(draw(32, HEX), 'TWILIO_AUTH_TOKEN=')],
  ['stripe-key', (draw) => ({ value: join('sk', '_live_', draw(24)) })],
  ['stripe-test-key', (draw) => ({ value: join('rk', '_test_', draw(24)) })],
  ['stripe-webhook-secret', (draw) => ({ value: join('wh', 'sec_', draw(32)) })],
  ['square-token', (draw) => ({ value: join('sq0', 'atp-', draw(22)) })],
  ['shopify-token', (draw) => ({ value: join('sh', 'pat_', draw(32, HEX)) })],
  ['openai-key', (draw) => ({ value: join('sk', '-proj-', draw(48)) })],
  ['openai-key', (draw) => ({ value: join('sk', '-', draw(20), 'T3Blbk', 'FJ', draw(20)) })],
  ['anthropic-key', (draw) => ({ value: join('sk', '-ant-api03-', draw(93), 'AA') })],
  ['hugging-face-token', (draw) => ({ value: join('h', 'f_', draw(34, UPPER + LOWER)) })],
  ['vault-token', (draw) => ({ value: join('hv', 's.', draw(90)) })],
  ['terraform-token', (draw) => ({ value: `${draw(14)}${join('.atlas', 'v1.')}${draw(65)}` })],
  ['databricks-token', (draw) => ({ value: join('da', 'pi', draw(32, HEX)) })],
  ['grafana-token', (draw) => ({ value: join('gl', 'sa_', draw(32), '_', draw(8, HEX)) })],
  ['new-relic-key', (draw) => ({ value: join('NR', 'AK-', draw(27, UPPER + DIGITS)) })],
  ['json-web-token', (draw) => ({ value: jwt(draw) })],
  ...['RSA PRIVATE KEY', 'EC PRIVATE KEY', 'OPENSSH PRIVATE KEY', 'PRIVATE KEY', 'ENCRYPTED PRIVATE KEY'].map(
    (type): Row => [
      'private-key',
      (draw) => {
        const value = `MII${draw(600)}`;
        return { value, path: 'root/.ssh/id_rsa', content: pem(type, value) };
      },
    ],
  ),
  [
    'private-key',
    (draw) => {
      const value = draw(600);
      const type = 'PGP PRIVATE KEY BLOCK';
      return {
        value,
        path: 'root/key.asc',
        content: pem(type, value).replace('-----\n', '-----\nVersion: GnuPG v2\n\n'),
      };
    },
  ],
  [
    'putty-key',
    (draw) => {
      const value = draw(64);
      const head = `${join('PuTTY-User-', 'Key-File-')}2: ssh-rsa\nEncryption: none\nComment: me\nPublic-Lines: 1\n${draw(64)}\n`;
      return { value, path: 'root/key.ppk', content: `${head}Private-Lines: 1\n${value}\n` };
    },
  ],
  ['npmrc-token', (draw) => inFile(draw(40), 'root/.npmrc', '//npm.acme.io/:_authToken=')],
  ['yarnrc-token', (draw) => inFile(draw(40), 'app/.yarnrc.yml', 'npmAuthToken: ')],
  ['netrc-password', (draw) => inFile(draw(16), 'root/.netrc', 'machine git.acme.io login bob password ')],
  [
    'git-credentials',
    (draw) => {
      const value = draw(20);
      return { value, path: 'root/.git-credentials', content: `https://bob:${value}@git.acme.io\n` };
    },
  ],
  [
    'docker-login',
    (draw) => {
      const value = draw(20);
      const auth = Buffer.from(`bob:${value}`).toString('base64');
      return {
        value,
        path: 'root/.docker/config.json',
        content: `{"auths":{"hub.acme.io":{"auth":"${auth}"}}}`,
      };
    },
  ],
  [
    'kubeconfig',
    (draw) => inFile(draw(64), 'root/.kube/config', 'users:\n- name: admin\n  user:\n    token: '),
  ],
  ['pypirc-password', (draw) => inFile(draw(16), 'root/.pypirc', '[pypi]\nusername = bob\npassword = ')],
  ['pgpass', (draw) => inFile(draw(16), 'root/.pgpass', 'db.acme.io:5432:app:bob:')],
  ['rails-master-key', (draw) => inFile(draw(32, HEX), 'app/config/master.key', '')],
  [
    'cargo-login',
    (draw) => {
      const value = draw(32);
      return { value, path: 'root/.cargo/credentials.toml', content: `[registry]\ntoken = "${value}"\n` };
    },
  ],
  [
    'password-hash',
    (draw) => {
      const value = `$6$${draw(16)}$${draw(86)}`;
      return { value, path: 'etc/shadow', content: `root:${value}:19000:0:99999:7:::\n` };
    },
  ],
  [
    'url-password',
    (draw) => {
      const value = draw(16);
      return {
        value,
        path: 'app/config.yml',
        content: `database: postgres://app:${value}@db.acme.io:5432/app\n`,
      };
    },
  ],
  [
    'url-password',
    (draw) => {
      const value = draw(16);
      return {
        value,
        path: 'app/pip.conf',
        content: `[global]\nindex-url = https://bob:${value}@pypi.acme.io/simple\n`,
      };
    },
  ],
  [
    'authorization-header',
    (draw) => {
      const value = draw(40);
      return {
        value,
        path: 'app/call.sh',
        content: `curl -H "Authorization: Bearer ${value}" https://acme.io\n`,
      };
    },
  ],
  ['assigned-secret', (draw) => inFile(`${draw(10)}-2x`, 'app/.env', 'PORT=3000\nDB_PASSWORD=')],
  ['assigned-secret', (draw) => inFile(draw(64, HEX), 'app/.env.production', 'SECRET_KEY_BASE=')],
  [
    'assigned-secret',
    (draw) => {
      const value = draw(32);
      return { value, path: 'app/settings.py', content: `DEBUG = False\nSECRET_KEY = '${value}'\n` };
    },
  ],
];

function assigned(value: string, before: string) {
  return { value, content: `${before}${value}\n` };
}

function inFile(value: string, path: string, before: string) {
  return { value, path, content: `${before}${value}\n` };
}

/** Kinds of which one can be planted. */
export const PLANTED_KINDS: readonly string[] = [...new Set(ROWS.map(([kind]) => kind))];

/** So many secrets of all kinds in turn, each in a file of its own. @param seed the same gives the same */
export function plantedSecrets(count: number, seed = 1): Planted[] {
  const random = randomNumbers(seed);
  const draw: Draw = (length, alphabet = WORD) => {
    for (;;) {
      let text = '';
      for (let at = 0; at < length; at++) text += alphabet[Math.floor(random() * alphabet.length)];
      // A drawn password without a digit may be a word.
      if (length < 12 || alphabet === UPPER + LOWER || /[0-9]/.test(text)) return text;
    }
  };
  return Array.from({ length: count }, (_, at) => {
    const [kind, make] = ROWS[at % ROWS.length]!;
    const { value, path = 'app/config/settings.txt', content = `token: ${value}\n` } = make(draw);
    return { kind, value, path, content };
  });
}
