import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TestBuilds } from '../support/build.ts';
import { DOCKERS, dockerArguments, run, works } from '../support/peers.ts';
import { Podman } from '../support/podman.ts';
import { eventually, whyNoSandbox } from '../support/sandbox.ts';

const NAME = `jettison-load-${process.pid}:1`;
const DOCKERFILE = `FROM base
RUN head -c 2000000 /dev/urandom >/large
HEALTHCHECK --interval=5s CMD true
USER 1000
CMD ["id", "-u"]
`;

let builds: TestBuilds;
let why: string | undefined;
beforeAll(async () => {
  why = whyNoSandbox();
  if (why === undefined) builds = await TestBuilds.create({});
});
afterAll(() => builds?.remove());
beforeEach((ctx) => {
  if (why !== undefined) ctx.skip(why);
});

/** A socket in front of an engine's that counts what is sent to it. */
async function counting(engine: string, path: string): Promise<{ server: Server; taken: () => number }> {
  let bytes = 0;
  const server = createServer((client) => {
    const there = connect(engine);
    client.on('data', (chunk) => {
      bytes += chunk.length;
    });
    for (const socket of [client, there]) socket.on('error', () => client.destroy() && there.destroy());
    client.pipe(there).pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const taken = () => {
    const now = bytes;
    bytes = 0;
    return now;
  };
  return { server, taken };
}

/** Loads an image, loads it once more, and then one that differs a little. @param call the engine's own client */
async function loadTwice(socket: string, call: (...args: string[]) => string): Promise<void> {
  const path = join(builds.folder, 'counting.sock');
  const { server, taken } = await counting(socket, path);
  const load = async (dockerfile: string) => {
    builds.write({ Dockerfile: dockerfile });
    const ran = await builds.run(['build', '--load', '-t', NAME, builds.context], {
      env: { DOCKER_HOST: `unix://${path}` },
    });
    expect(ran.code, ran.err).toBe(0);
    return taken();
  };
  try {
    const whole = await load(DOCKERFILE);
    expect(whole).toBeGreaterThan(2_000_000);
    expect(call('run', '--rm', '--network', 'none', NAME)).toBe('1000\n');
    expect(await load(DOCKERFILE)).toBeLessThan(5000);
    const lean = await load(DOCKERFILE.replace('USER 1000', 'RUN echo small >/small\nUSER 1001'));
    expect(lean).toBeLessThan(200_000);
    expect(call('run', '--rm', '--network', 'none', NAME)).toBe('1001\n');
    const [seen] = JSON.parse(call('image', 'inspect', NAME));
    expect(seen.Config.Healthcheck ?? seen.Healthcheck).toEqual({
      Test: ['CMD-SHELL', 'true'],
      Interval: 5e9,
    });
    const { out } = await builds.run(['inspect', '-f', '{{.Id}}', NAME]);
    expect(seen.Id.replace('sha256:', '')).toBe(out.trim().replace('sha256:', ''));
  } finally {
    server.close();
  }
}

describe.each(DOCKERS)('docker %s', (engine) => {
  it('is sent what it lacks, and has the image as it was built', async (ctx) => {
    const docker = dockerArguments(engine);
    if (!works('docker', ...docker, 'version')) ctx.skip('no Docker engine answers');
    const host = engine || run('docker', ['context', 'inspect', '-f', '{{.Endpoints.docker.Host}}']).trim();
    if (!host.startsWith('unix://')) ctx.skip(`the engine is not reached through a socket: ${host}`);
    const call = (...args: string[]) => run('docker', [...docker, ...args]);
    try {
      await loadTwice(host.slice('unix://'.length), call);
    } finally {
      spawnSync('docker', [...docker, 'rmi', '-f', NAME]);
    }
  });
});

describe('podman', () => {
  let podman: Podman | string;
  let service: ChildProcess | undefined;
  beforeAll(() => {
    podman = Podman.find();
  });
  afterAll(() => {
    service?.kill();
    if (typeof podman === 'object') podman.remove();
  });

  it('is sent what it lacks, and has the image as it was built', async (ctx) => {
    if (typeof podman === 'string') return ctx.skip(podman);
    const { args, folder } = podman;
    const socket = join(folder, 'api.sock');
    service = spawn('podman', [...args, 'system', 'service', '--time', '0', `unix://${socket}`], {
      stdio: 'ignore',
    });
    await eventually('podman listens', () => existsSync(socket));
    await loadTwice(socket, (command, ...rest) =>
      run('podman', [...args, command, ...(command === 'run' ? Podman.LIMITS : []), ...rest]),
    );
  });
});
