// The Dockerfiles with which five articles on small images begin, and those with which they end, on this machine's own
// bases and examples/api: what `jettison optimise` makes of the first, without help, next to the second.
//
// `node:20-alpine` and distroless images are `node:20-slim` here, which has no shell: a last stage that runs commands in an
// article stands on the full base. Names of files are those of the example.
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { workspace } from './harness.mjs';

const API = fileURLToPath(new URL('../examples/api', import.meta.url));
const START = 'CMD ["node", "dist/server.js"]\n';
const SCRIPT = `require('http').createServer((_, response) => response.end('hello')).listen(3000);
process.on('SIGTERM', () => process.exit(0));
`;
const NO_PACKAGES = { name: 'hello', version: '1.0.0', scripts: { start: 'node index.js' } };
const HELLO = {
  'index.js': SCRIPT,
  'package.json': JSON.stringify(NO_PACKAGES),
  'package-lock.json': JSON.stringify({
    ...{ name: 'hello', version: '1.0.0', lockfileVersion: 3 },
    packages: { '': NO_PACKAGES },
  }),
};

const stage = (name, base = 'node:20') => `FROM ${base} AS ${name}\nWORKDIR /app\n`;
const built = (files, install) => `COPY ${files} ./\nRUN ${install}\nCOPY . .\nRUN npm run build\n`;
const from = (name, ...paths) => paths.map((path) => `COPY --from=${name} /app/${path} ./${path}\n`).join('');

const ARTICLES = [
  {
    name: 'How I shrunk my image from 2GB to 47MB',
    before: `FROM node:20\nWORKDIR /app\nCOPY . .\nRUN npm install\nRUN npm run build\n${START}`,
    after: `${stage('builder')}${built('package*.json', 'npm ci')}
${stage('runner')}ENV NODE_ENV=production
${from('builder', 'dist')}COPY --from=builder /app/package*.json ./
RUN npm ci --omit=dev
USER node
${START}`,
  },
  {
    name: 'Diving into multi-stage builds',
    before: `FROM node:20\nWORKDIR /app\n${built('package.json package-lock.json', 'npm install')}${START}`,
    after: `${stage('builder')}${built('package.json package-lock.json', 'npm install')}
${stage('runner', 'node:20-slim')}${from('builder', 'dist', 'node_modules', 'package.json')}${START}`,
  },
  {
    name: 'Minimal, secure images: distroless',
    before: `FROM node:20\nWORKDIR /app\n${built('package*.json', 'npm install')}${START}`,
    after: `${stage('builder')}${built('package*.json', 'npm ci')}RUN npm prune --omit=dev
${stage('production', 'node:20-slim')}${from('builder', 'dist', 'node_modules', 'package.json')}ENV NODE_ENV=production
${START}`,
  },
  {
    name: 'Multi-stage with a plain Alpine',
    files: HELLO,
    before: `FROM node:20\nWORKDIR /app\nCOPY package-lock.json package.json ./\nRUN npm ci\nCOPY . .\nCMD ["node", "index.js"]\n`,
    after: `${stage('build')}COPY package-lock.json package.json ./\nRUN npm ci\nCOPY . .
${stage('runner', 'node:20-slim')}COPY --from=build /app .
CMD ["node", "index.js"]\n`,
  },
  {
    name: 'Smaller images, faster deploys',
    before: `FROM node:20\nWORKDIR /app\nCOPY . .\nRUN npm ci\nRUN npm run build\nEXPOSE 3000\nCMD ["npm", "start"]\n`,
    after: `${stage('builder')}${built('package*.json', 'npm ci')}
${stage('deps')}COPY package*.json ./\nRUN npm ci --omit=dev
${stage('runner', 'node:20-slim')}ENV NODE_ENV=production
${from('deps', 'node_modules')}${from('builder', 'dist', 'package.json')}EXPOSE 3000
${START}`,
  },
];

export default async function* articles() {
  const { root, env, jettison } = workspace();
  const { describeImage } = await import('../dist/index.mjs');
  makeBases(root, env, jettison);
  yield row('', 'as it is', "the article's end", 'optimise', 'packed', 'rewrites', 'probe');
  for (const [at, { name, before, after, files }] of ARTICLES.entries()) {
    const context = join(root, `article-${at}`);
    if (files === undefined)
      cpSync(API, context, { recursive: true, filter: (path) => !/Dockerfile|node_modules/.test(path) });
    else mkdirSync(context);
    for (const [path, content] of Object.entries(files ?? {})) writeFileSync(join(context, path), content);
    const dockerfile = join(context, 'Dockerfile');
    writeFileSync(dockerfile, after);
    jettison('build', '--quiet', '-t', `after:${at}`, context);
    const end = (await describeImage(`after:${at}`, { home: env.JETTISON_HOME })).size.tree;
    writeFileSync(dockerfile, before);
    const { steps, undecided, probe } = JSON.parse(jettison('optimise', '--format', 'json', context).stdout);
    const { figures: first } = steps[0];
    const { figures: last } = steps.at(-1);
    const isSmaller = last.size <= end ? '' : ' (larger)';
    yield row(
      ...[name, megabytes(first.size), megabytes(end), `${megabytes(last.size)}${isSmaller}`],
      ...[
        megabytes(last.packed),
        steps.slice(1).length,
        undecided ?? probe.answers.map(answerText).join(', '),
      ],
    );
    rmSync(context, { recursive: true });
  }
}

const answerText = ({ port, path, status }) => `:${port}${path} ${status}`;
const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;
const row = (name, ...cells) =>
  `${name.padEnd(40)}${cells.map((cell) => String(cell).padEnd(20)).join('')}`.trimEnd();

/** The bases, with what this machine's npm needs to reach its registry. */
function makeBases(root, env, jettison) {
  jettison('base', 'host', '-t', 'node:host');
  jettison('base', 'host', '--slim', '-t', 'node:20-slim');
  const folder = join(root, 'base');
  mkdirSync(folder);
  const authorities = env.NODE_EXTRA_CA_CERTS;
  if (authorities !== undefined) writeFileSync(join(folder, 'ca.pem'), readFileSync(authorities));
  const settings = [
    ...(authorities === undefined
      ? []
      : ['COPY ca.pem /etc/npm-ca.pem', 'ENV NODE_EXTRA_CA_CERTS=/etc/npm-ca.pem']),
    ...(env.npm_config_registry === undefined ? [] : [`ENV npm_config_registry=${env.npm_config_registry}`]),
  ];
  writeFileSync(join(folder, 'Dockerfile'), ['FROM node:host', ...settings, ''].join('\n'));
  jettison('build', '--quiet', '-t', 'node:20', folder);
}
