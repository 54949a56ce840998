// Push and pull against a real registry, named by JETTISON_BENCH_REGISTRY (such as 127.0.0.1:5000), and the same
// with the Docker engine that JETTISON_BENCH_DOCKER_HOST names, turn by turn. Times are those of whole commands;
// bytes are counted by a proxy in a round of its own that is not timed.
//
// Every round has an image of its own that no registry and no engine has ever seen, so that neither side finds
// anything or mounts it from elsewhere; both pull the same image. What is pushed stays in the registry.
import { spawn } from 'node:child_process';
import { appendFileSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { CLI, median, workspace } from './harness.mjs';
import { sampleImage } from './sample-image.mjs';

const REGISTRY = process.env.JETTISON_BENCH_REGISTRY;
const ENGINE = process.env.JETTISON_BENCH_DOCKER_HOST;
const ROUNDS = Number(process.env.JETTISON_BENCH_ROUNDS ?? 5);

export default async function* transfer() {
  if (!REGISTRY) {
    yield 'skipped: JETTISON_BENCH_REGISTRY names no registry (such as 127.0.0.1:5000)';
    return;
  }
  const sides = ENGINE ? ['jettison', 'docker'] : ['jettison'];
  const bench = new Bench(sides);
  const times = new Table(sides);
  for (let round = 0; round < ROUNDS; round++) {
    for await (const { name, side, work } of bench.round(REGISTRY, round % 2 === 1)) {
      const start = process.hrtime.bigint();
      await work();
      times.add(name, side, Number(process.hrtime.bigint() - start) / 1e6);
    }
  }
  const proxy = await CountingProxy.start(REGISTRY);
  const [sent, received] = [new Table(sides), new Table(sides)];
  for await (const { name, side, work } of bench.round(proxy.host, false)) {
    proxy.reset();
    await work();
    sent.add(name, side, proxy.sent);
    received.add(name, side, proxy.received);
  }
  proxy.close();

  const show = { ms: (ms) => `${ms.toFixed(0)} ms`, bytes: (count) => bytes(count, bench.size) };
  yield `an image of ${(bench.size / 1e6).toFixed(1)} MB compressed; medians of ${ROUNDS} rounds`;
  yield* times.lines('time', show.ms, 'of docker');
  yield* sent.lines('sent', show.bytes);
  yield* received.lines('received', show.bytes);
}

function bytes(count, whole) {
  const shown = count < 1e6 ? `${(count / 1e3).toFixed(1)} kB` : `${(count / 1e6).toFixed(1)} MB`;
  return `${shown} ${((count / whole) * 100).toFixed(2).padStart(6)} %`;
}

/** Numbers by what was done and by who did it. */
class Table {
  #rows = new Map();

  constructor(sides) {
    this.sides = sides;
  }

  add(name, side, value) {
    const row = this.#rows.get(name) ?? Object.fromEntries(this.sides.map((each) => [each, []]));
    row[side].push(value);
    this.#rows.set(name, row);
  }

  /** @param ratio heading of a column that says what part of the second side's value the first side's is */
  *lines(title, show, ratio) {
    const cells = [title.padEnd(32), ...this.sides.map((side) => side.padStart(20))];
    if (ratio && this.sides.length > 1) cells.push(ratio.padStart(12));
    yield cells.join('');
    for (const [name, row] of this.#rows) {
      const values = this.sides.map((side) => median(row[side].sort((a, b) => a - b)));
      const shown = [name.padEnd(32), ...values.map((value) => show(value).padStart(20))];
      if (ratio && values.length > 1) shown.push(`${(values[0] / values[1]).toFixed(2)} x`.padStart(12));
      yield shown.join('');
    }
  }
}

/** What either side does with an image. */
class Bench {
  /** Compressed size of the last image. */
  size = 0;
  #serial = 0;
  #stores = 0;
  #stamp = `${process.pid}-${Date.now().toString(36)}`;

  constructor(sides) {
    this.sides = sides;
    this.space = workspace();
    this.context = join(this.space.root, 'context');
    this.image = sampleImage(this.context);
    this.own = this.space.env;
    this.engine = { ...process.env, DOCKER_HOST: ENGINE };
  }

  /** Gives what is to be measured, one work at a time; between them it prepares the next. */
  async *round(registry, swapped) {
    const serial = `${this.#stamp}-${this.#serial++}`;
    const names = [1, 2].map((tag) => (side) => `${registry}/bench/${side}-${serial}:${tag}`);
    const sides = swapped ? [...this.sides].reverse() : this.sides;
    const each = (name, work) => sides.map((side) => ({ name, side, work: () => work(side) }));
    const push = (name) => (side) => this.#run(side, this.own, 'push', name(side));
    // Both take what Jettison pushed: the engine has no layer of it, since it removes what it made of its own.
    const pull = (name) => (side) => this.#run(side, this.other, 'pull', name('jettison'));
    const run = (name) => (side) =>
      this.#run(side, this.other, 'run', '--rm', '--network', 'none', name('jettison'));

    this.image.renew(serial);
    await this.#make(names[0]);
    yield* each('push', push(names[0]));
    yield* each('push again, nothing new', push(names[0]));
    appendFileSync(join(this.context, this.image.edited), `// ${serial}\n`);
    await this.#make(names[1]);
    yield* each('push after an edit', push(names[1]));

    await this.#forget(names);
    yield* each('pull', pull(names[0]));
    yield* each('pull again, nothing new', pull(names[0]));
    yield* each('pull after an edit', pull(names[1]));
    await this.#forget(names);
    if (this.image.runs) {
      yield* each('pull and run', async (side) => {
        await pull(names[1])(side);
        await run(names[1])(side);
      });
      await this.#forget(names);
    }
  }

  async #make(name) {
    await this.#run('jettison', this.own, 'build', '-t', name('jettison'), this.context);
    const { stdout } = await this.#run('jettison', this.own, 'images', '--json', name('jettison'));
    this.size = JSON.parse(stdout)[0].compressedSize;
    if (!this.sides.includes('docker')) return;
    await this.#run('jettison', this.own, 'tag', name('jettison'), name('docker'));
    const archive = join(this.context, '../archive.tar');
    await this.#run('jettison', this.own, 'save', '-o', archive, name('docker'));
    await this.#run('docker', this.own, 'load', '-i', archive);
    rmSync(archive);
  }

  /**
   * Goes on with an empty store, and leaves the engine without any image of the round. The stores are deleted at
   * the very end: file systems such as ext4 are slow to make files where some have just been deleted.
   */
  async #forget(names) {
    this.other = { ...this.space.env, JETTISON_HOME: join(this.space.root, `store-${++this.#stores}`) };
    if (!this.sides.includes('docker')) return;
    for (const name of names) {
      for (const side of ['jettison', 'docker'])
        await this.#run('docker', undefined, 'rmi', '-f', name(side));
    }
  }

  #run(side, env, ...args) {
    return side === 'docker'
      ? execute('docker', args, this.engine)
      : execute(process.execPath, [CLI, ...args], env);
  }
}

/** Runs a program to its end, not blocking the proxy. */
function execute(program, args, env) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    const said = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr']) {
      child[name].setEncoding('utf8').on('data', (text) => {
        said[name] += text;
      });
    }
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0 ? resolve(said) : reject(new Error(`${program} ${args.join(' ')}\n${said.stderr}`)),
    );
  });
}

/** Passes connections on to a server, and counts what goes through. */
class CountingProxy {
  sent = 0;
  received = 0;
  #sockets = new Set();

  static async start(target) {
    const proxy = new CountingProxy();
    const [host, port] = [target.replace(/:\d+$/, ''), Number(/:(\d+)$/.exec(target)?.[1] ?? 80)];
    proxy.server = createServer((client) => {
      const server = connect(port, host);
      client.on('data', (chunk) => (proxy.sent += chunk.length)).pipe(server);
      server.on('data', (chunk) => (proxy.received += chunk.length)).pipe(client);
      for (const socket of [client, server]) {
        proxy.#sockets.add(socket);
        socket.on('error', () => socket.destroy());
        socket.on('close', () => {
          proxy.#sockets.delete(socket);
          client.destroy();
          server.destroy();
        });
      }
    });
    await new Promise((resolve) => proxy.server.listen(0, '127.0.0.1', resolve));
    proxy.host = `127.0.0.1:${proxy.server.address().port}`;
    return proxy;
  }

  reset() {
    this.sent = 0;
    this.received = 0;
  }

  close() {
    for (const socket of this.#sockets) socket.destroy();
    this.server.close();
  }
}
