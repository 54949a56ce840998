/** Files that look as if secrets were in them, and have none: nobody should be alarmed. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomNumbers } from './seed.ts';

/** So many harmless files, by path: made ones, and real ones of the packages that this repository is built with. */
export function lookAlikes(count: number): Map<string, string> {
  const random = randomNumbers(42);
  const digest = (algorithm: string, encoding: 'hex' | 'base64', at: number) =>
    createHash(algorithm).update(`${at} ${random()}`).digest(encoding);
  const hex = (at: number) => digest('sha256', 'hex', at);
  const files = new Map<string, string>();
  const made: [path: string, content: (at: number) => string][] = [
    [
      'package-lock.json',
      (at) =>
        `{"packages":{"node_modules/x":{"version":"1.0.${at}","integrity":"sha512-${digest('sha512', 'base64', at)}"}}}`,
    ],
    [
      'yarn.lock',
      (at) =>
        `x@^1.0.0:\n  version "1.0.${at}"\n  resolved "https://registry.yarnpkg.com/x/-/x-1.0.0.tgz#${digest('sha1', 'hex', at)}"\n`,
    ],
    ['go.sum', (at) => `golang.org/x/crypto v0.${at}.0 h1:${digest('sha256', 'base64', at)}\n`],
    ['SHA256SUMS', (at) => `${hex(at)}  node-v20.tar.gz\n`],
    [
      'Dockerfile',
      (at) =>
        `FROM node@sha256:${hex(at)}\nENV GPG_KEY=${digest('sha1', 'hex', at).toUpperCase()} NODE_SHA256=${hex(at)}\nARG NPM_TOKEN\n`,
    ],
    ['.env.example', () => 'DB_PASSWORD=changeme\nAPI_KEY=your-api-key-here\nSECRET=<secret>\nTOKEN=\n'],
    [
      '.env',
      (at) =>
        `PORT=${3000 + at}\nPASSWORD_FILE=/run/secrets/db\nTOKEN_URL=https://auth.acme.io/token\nAPI_KEY=\${API_KEY}\nTOKEN_TTL=3600\n`,
    ],
    ['.npmrc', () => 'registry=https://npm.example.com/\n//npm.example.com/:_authToken=${NPM_TOKEN}\n'],
    [
      'config.yml',
      (at) =>
        `password: \${DB_PASSWORD}\nsecret: !vault secret/data/app${at}\nurl: postgres://\${USER}:\${PASSWORD}@db/app\ntoken_endpoint: https://acme.io/oauth\n`,
    ],
    [
      'values.yaml',
      () =>
        'auth:\n  existingSecret: db-credentials\n  secretKeys:\n    passwordKey: password\n  password: ""\n',
    ],
    [
      'auth.js',
      () =>
        "const token = req.headers.authorization?.split(' ')[1];\nconst password = process.env.PASSWORD ?? '';\nlogin({ password: 'password', token: getTokenFromRequest(req) });\n",
    ],
    [
      'locale.json',
      () =>
        '{"password":"Passwort","resetPassword":"Passwort zurücksetzen","apiKey":"API-Schlüssel","secret":"Geheimnis"}',
    ],
    [
      'docs.md',
      () =>
        'Use `https://user:password@example.com` or `postgres://postgres:postgres@localhost/db`.\nSet `GITHUB_TOKEN=ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx`.\n',
    ],
    [
      'aws.md',
      () =>
        `aws_access_key_id = ${['AKIA', 'IOSFODNN7EXAMPLE'].join('')}\naws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\n`,
    ],
    [
      'cert.pem',
      (at) => `-----BEGIN CERTIFICATE-----\n${digest('sha512', 'base64', at)}\n-----END CERTIFICATE-----\n`,
    ],
    [
      'id_rsa.pub',
      (at) => `ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQC${digest('sha512', 'base64', at)} bob@acme.io\n`,
    ],
    [
      'data.json',
      (at) =>
        `{"id":"${hex(at).slice(0, 8)}-0000-4000-8000-${hex(at).slice(0, 12)}","etag":"${hex(at)}","hash":"${digest('sha512', 'base64', at)}"}`,
    ],
    ['image.svg', (at) => `<image href="data:image/png;base64,${Buffer.from(hex(at)).toString('base64')}"/>`],
    [
      'app.min.js',
      (at) => `!function(e,t){var n="${hex(at)}",password=e.password,token="x"+t;return n}({},1);`,
    ],
    [
      'openapi.json',
      () =>
        '{"securitySchemes":{"apiKey":{"type":"apiKey","name":"X-API-Key","in":"header"},"password":{"type":"string","format":"password"}}}',
    ],
    ['postgresql.conf', () => 'password_encryption = scram-sha-256\n'],
    ['my.cnf', () => '[client]\nuser=root\npassword=${MYSQL_PASSWORD}\n'],
    ['.netrc.md', () => 'machine example.com login user password <your-password>\n'],
    [
      'pem.js',
      () =>
        `const BEGIN = '${['-----BEGIN', 'PRIVATE KEY-----'].join(' ')}'; if (text.startsWith(BEGIN)) parse(text);\n`,
    ],
    [
      'settings.xml',
      () =>
        '<settings>\n  <!-- <proxy><username>proxyuser</username>\n      <password>proxypass</password></proxy> -->\n  <!-- <server><username>repouser</username>\n      <password>repopwd</password></server>\n    <passphrase>optional; leave empty if not used.</passphrase> -->\n</settings>\n',
    ],
    ['shadow', () => 'root:*:19000:0:99999:7:::\ndaemon:!:19000:0:99999:7:::\n'],
  ];
  for (let at = 0; files.size < Math.floor(count / 2); at++) {
    const [name, content] = made[at % made.length]!;
    const folder = name === 'shadow' ? `c${at}/etc` : `app/c${at}`;
    files.set(`${folder}/${name}`, content(at));
  }
  for (const [path, content] of realFiles()) {
    if (files.size >= count) break;
    files.set(path, content);
  }
  return files;
}

/** Programs, lists and documents of packages, outside of any folder that says so. */
function* realFiles(): Generator<[path: string, content: string]> {
  const root = new URL('../../', import.meta.url).pathname;
  for (const name of ['package-lock.json', 'package.json', 'README.md'])
    yield [`app/${name}`, readFileSync(join(root, name), 'utf8')];
  const packages = join(root, 'node_modules');
  for (const name of readdirSync(packages, { recursive: true, encoding: 'utf8' }).sort()) {
    if (
      !/\.(?:js|cjs|mjs|json|md|ts|yml)$/.test(name) ||
      !/secret|token|auth|key|crypt|password|url|jwt|registry|rc|hash/i.test(name)
    )
      continue;
    const content = readFileSync(join(packages, name), 'utf8');
    if (content.length < 500_000) yield [`app/lib/${name.replaceAll('node_modules', 'parts')}`, content];
  }
}
