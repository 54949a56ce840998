import { chmodSync, chownSync, closeSync, openSync } from 'node:fs';
import { createConnection, createServer, type Server } from 'node:net';
import { basename, dirname } from 'node:path';
import type { ExecMount } from '../../protocol/exec-request.ts';

type AgentMount = Extract<ExecMount, { type: 'agent' }>;

/**
 * Proxies an SSH agent on a socket of the run: the command may run as another user than the agent's, and needs a socket
 * that this user may open.
 *
 * @param path absolute path of the new socket
 */
export async function serveAgent(path: string, mount: AgentMount): Promise<Server> {
  const server = createServer((client) => {
    const agent = createConnection(mount.socket);
    for (const [from, to] of [
      [client, agent],
      [agent, client],
    ] as const) {
      from.on('error', () => to.destroy());
      from.pipe(to);
    }
  });
  // A socket's path is limited to 107 bytes: reached through a file descriptor it is short.
  const folder = openSync(dirname(path), 'r');
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(`/proc/self/fd/${folder}/${basename(path)}`, resolve);
    });
  } finally {
    closeSync(folder);
  }
  chownSync(path, mount.uid, mount.gid);
  chmodSync(path, mount.mode);
  return server;
}
