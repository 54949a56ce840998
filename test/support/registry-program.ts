import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Whether Distribution's registry is installed. */
export const HAS_REGISTRY = spawnSync('docker-registry', ['--version']).status === 0;

/** The only user of a registry that has users. */
export const ME = { username: 'me', password: 'secret' };
/** `me:secret`. */
const HTPASSWD = 'me:$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n';

export interface RunningRegistry {
  process: ChildProcess;
  port: number;
  /** Whether it lets only `ME` in. */
  closed: boolean;
}

/**
 * Starts Distribution's own registry, with its data in memory.
 *
 * @param folder for its settings
 * @param options.closed let only `ME` in; else anybody may do anything
 * @param options.relativeUrls answer with locations that are paths only
 */
export async function startRegistry(
  folder: string,
  { closed = false, relativeUrls = true } = {},
): Promise<RunningRegistry> {
  const port = await freePort();
  const lines = [
    'version: 0.1',
    'storage: {inmemory: {}, delete: {enabled: true}}',
    `http: {addr: "127.0.0.1:${port}", relativeurls: ${relativeUrls}}`,
  ];
  if (closed) {
    writeFileSync(join(folder, 'htpasswd'), HTPASSWD);
    lines.push(`auth: {htpasswd: {realm: test, path: ${join(folder, 'htpasswd')}}}`);
  }
  const config = join(folder, `config-${port}.yml`);
  writeFileSync(config, lines.join('\n'));
  const registry = spawn('docker-registry', ['serve', config], { stdio: 'ignore' });
  for (let tries = 0; !(await listens(port)); tries++) {
    if (tries === 200) throw new Error('the registry does not start');
    await sleep(25);
  }
  return { process: registry, port, closed };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
