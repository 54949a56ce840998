// npm run demo: builds the example service with each of its three Dockerfiles, starts every image, edits a
// source file, builds again, and prints what came out. Uses the command as a user would, in a store of its own.
//
//   --base IMAGE   build on this image (e.g. node:20) instead of one made of this machine's Node
//   --slim IMAGE   base of the distroless image's last stage (without --base: made of this machine's Node, too)
//   --twice        instead: build each image twice with --reproducible, from copies with different times, and
//                  compare the digests
//   --keep         leave the store, and say where it is
import { spawn } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { rootCertificates } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

/** Something that a user can understand without a stack. */
class Failure extends Error {}

const { values: flags } = parseArgs({
  options: {
    base: { type: 'string' },
    slim: { type: 'string' },
    keep: { type: 'boolean' },
    twice: { type: 'boolean' },
  },
});
const root = fileURLToPath(new URL('..', import.meta.url));
const work = await mkdtemp(join(tmpdir(), 'jettison-demo-'));
const home = join(work, 'store');
const context = join(work, 'api');
/** Of `--twice`: any time will do, since no commit says one where the repository is not there. */
const EPOCH = '1700000000';
const env = { ...process.env, JETTISON_HOME: home };
const children = new Set();

/** npm's own registry: its addresses may stand in an image. */
const PUBLIC_REGISTRY = /\bnpmjs\.org\/?$/;

const IMAGES = [
  { name: 'naive', dockerfile: 'Dockerfile.naive' },
  { name: 'multi-stage', dockerfile: 'Dockerfile' },
  { name: 'distroless', dockerfile: 'Dockerfile.distroless' },
];

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, async () => {
    for (const child of children) child.kill(signal);
    await cleanUp();
    process.exit(130);
  });
}

try {
  await main();
} catch (error) {
  console.error(`\n${error instanceof Failure ? error.message : error.stack}`);
  process.exitCode = 1;
} finally {
  await cleanUp();
}

async function main() {
  await cp(join(root, 'examples/api'), context, {
    recursive: true,
    filter: (source) => !['node_modules', 'dist', 'build'].includes(basename(source)),
  });
  const { args: bases, words } = await makeBases();
  const settings = [...(await npmSettings()), ...proxyArguments()];
  if (flags.twice) return buildTwice([...bases, ...settings]);

  const rows = [];
  for (const { name, dockerfile } of IMAGES) {
    const tag = `orders-api:${name}`;
    const build = (...more) =>
      timed(() =>
        jettison(
          'build',
          '-f',
          join(context, dockerfile),
          '-t',
          tag,
          ...bases,
          ...settings,
          ...more,
          context,
        ),
      );
    say(`${name}: cold build`);
    const cold = await build('--no-cache');
    say(`${name}: starting it`);
    const { uid } = await visit(tag, '/health');
    await edit(name);
    say(`${name}: build after an edit of src/app.ts`);
    const rebuild = await build();
    say(`${name}: starting it`);
    const { edited } = await visit(tag, '/edited');
    if (edited !== name) throw new Failure(`the image ${tag} does not hold the edit`);
    rows.push([name, seconds(cold), seconds(rebuild), uid]);
  }

  console.log(`\nBuilt on ${words}.\n`);
  const tags = IMAGES.map(({ name }) => `orders-api:${name}`);
  console.log((await jettison('compare', ...tags)).stdout);
  console.log(table(['', 'cold build', 'after an edit', 'runs as uid'], rows));
}

async function buildTwice(settings) {
  const copy = join(work, 'copy');
  await cp(context, copy, { recursive: true });
  for (const name of await readdir(copy, { recursive: true })) await utimes(join(copy, name), 1, 1);
  const rows = [];
  for (const { name, dockerfile } of IMAGES) {
    const digests = [];
    for (const folder of [context, copy]) {
      say(`${name}: build ${digests.length + 1}`);
      const how = ['--reproducible', '--no-cache', '--build-arg', `SOURCE_DATE_EPOCH=${EPOCH}`, '--quiet'];
      const file = join(folder, dockerfile);
      digests.push((await jettison('build', ...how, '-f', file, ...settings, folder)).stdout.trim());
    }
    if (digests[0] !== digests[1]) throw new Failure(`${name} is not reproducible: ${digests.join(', ')}`);
    rows.push([name, digests[0]]);
  }
  console.log(`\n${table(['image', 'digest of both builds'], rows)}`);
}

async function makeBases() {
  const given = (name, value) => (value === undefined ? [] : ['--build-arg', `${name}=${value}`]);
  if (flags.base !== undefined) {
    const words = `${flags.base}, and ${flags.slim ?? 'the distroless image that the Dockerfile names'}`;
    return { args: [...given('BASE', flags.base), ...given('SLIM', flags.slim)], words };
  }
  say(`base images of this machine's Node ${process.versions.node}`);
  await jettison('base', 'host', '-t', 'node:host');
  if (flags.slim === undefined) await jettison('base', 'host', '--slim', '-t', 'node:host-slim');
  return {
    args: [...given('BASE', 'node:host'), ...given('SLIM', flags.slim ?? 'node:host-slim')],
    words: `this machine's own Node ${process.versions.node}${flags.slim ? ` and ${flags.slim}` : ''} (no base was pulled)`,
  };
}

/**
 * What this machine's npm needs to reach its registry (address, tokens, certificates), as secrets: they are
 * there while npm runs and in no layer.
 */
async function npmSettings() {
  const config = await run('npm', ['config', 'list', '--json'], { cwd: work, env })
    .then(({ stdout }) => JSON.parse(stdout))
    .catch(() => ({}));
  const user = await readFile(config.userconfig ?? '', 'utf8').catch(() => '');
  // npm replaces ${NAME} when it reads the file; in the build those variables are not set.
  const lines = [user.replace(/\$\{(\w+)\}/g, (whole, name) => process.env[name] ?? whole).trimEnd()];
  for (const key of ['registry', 'proxy', 'https-proxy', 'noproxy']) {
    const value = config[key];
    if (typeof value === 'string' && value !== '') lines.push(`${key}=${value}`);
  }
  if (config.registry !== undefined && !PUBLIC_REGISTRY.test(config.registry)) {
    // npm itself writes addresses of its registry into its cache, logs and node_modules/.package-lock.json.
    lines.push('cache=/dev/shm/npm', 'logs-max=0', 'omit-lockfile-registry-resolved=true');
  }
  const secrets = [];
  const extra = config.cafile || process.env.NODE_EXTRA_CA_CERTS;
  const authorities = extra && (await readFile(extra, 'utf8').catch(() => undefined));
  if (authorities !== undefined && authorities !== '') {
    await writeFile(join(work, 'ca.pem'), [...rootCertificates, authorities].join('\n'), { mode: 0o600 });
    secrets.push('--secret', `id=ca,src=${join(work, 'ca.pem')}`);
    lines.push('cafile=/run/secrets/ca');
  }
  await writeFile(join(work, 'npmrc'), `${lines.join('\n')}\n`, { mode: 0o600 });
  secrets.push('--secret', `id=npmrc,src=${join(work, 'npmrc')}`);
  return secrets;
}

/** Proxy variables are predefined build arguments: in no layer and no history. By name: values stay out of argv. */
function proxyArguments() {
  const names = ['HTTP_PROXY', 'HTTPS_PROXY', 'FTP_PROXY', 'NO_PROXY', 'ALL_PROXY'];
  return [...names, ...names.map((name) => name.toLowerCase())]
    .filter((name) => process.env[name])
    .flatMap((name) => ['--build-arg', name]);
}

/** A real change of the source: a route that tells which edit it is. */
async function edit(name) {
  const path = join(context, 'src/app.ts');
  const source = await readFile(path, 'utf8');
  const before = source.replace(/ {2}app\.get\('\/edited'.*\n/, '');
  const route = `  app.get('/edited', (_request, response) => void response.json({ edited: '${name}' }));\n`;
  const edited = before.replace(/(?=^ {2}return app;$)/m, () => route);
  if (edited === before) throw new Failure('examples/api/src/app.ts has no place for the edit');
  await writeFile(path, edited);
}

/** Starts an image, asks it for a path until it answers, and stops it as an engine would. */
async function visit(tag, path) {
  const port = await freePort();
  const child = start(process.execPath, [join(root, 'dist/cli.js'), 'run', '-e', `PORT=${port}`, tag], {
    env,
  });
  let output = '';
  child.stdout.on('data', (data) => (output += data));
  child.stderr.on('data', (data) => (output += data));
  const ended = new Promise((resolve) => child.once('close', resolve));
  try {
    for (let tries = 0; tries < 300 && child.exitCode === null; tries++) {
      const response = await fetch(`http://127.0.0.1:${port}${path}`).catch(() => undefined);
      if (response?.ok) return await response.json();
      await sleep(100);
    }
    throw new Failure(`${tag} does not answer on ${path}:\n${output}`);
  } finally {
    child.kill('SIGTERM');
    const patience = setTimeout(() => child.kill('SIGKILL'), 10_000);
    await ended;
    clearTimeout(patience);
  }
}

function jettison(...args) {
  return run(process.execPath, [join(root, 'dist/cli.js'), ...args], { env });
}

/** Runs a program to its end. */
async function run(file, args, options) {
  const child = start(file, args, options);
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (data) => (stdout += data));
  child.stderr.on('data', (data) => (stderr += data));
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exit, signal) => resolve(exit ?? signal));
  });
  if (code !== 0) {
    const command = args[0]?.endsWith('cli.js') ? `jettison ${args.slice(1).join(' ')}` : file;
    throw new Failure(`${command} ended with ${code}:\n${stderr || stdout}`);
  }
  return { stdout, stderr };
}

function start(file, args, options) {
  const child = spawn(file, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  children.add(child);
  child.once('close', () => children.delete(child));
  return child;
}

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Seconds that a call takes. */
async function timed(call) {
  const begin = performance.now();
  await call();
  return (performance.now() - begin) / 1000;
}

/** The store may hold files of other ids, which only Jettison's own worker may delete. */
async function cleanUp() {
  if (flags.keep) {
    for (const name of ['npmrc', 'ca.pem']) await rm(join(work, name), { force: true });
    console.error(`The store is ${home}; the edited example is ${context}.`);
    return;
  }
  await jettison('builder', 'prune', '-af').catch(() => {});
  await rm(work, { recursive: true, force: true });
}

function table(head, rows) {
  const lines = [head, ...rows.map((row) => row.map(String))];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  const rule = widths.map((width) => '-'.repeat(width));
  return [head, rule, ...lines.slice(1)]
    .map((line) =>
      line.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  '),
    )
    .join('\n');
}

function seconds(value) {
  return `${value.toFixed(value < 10 ? 2 : 1)} s`;
}

function say(text) {
  console.error(`· ${text}`);
}
