import { chmodSync, chownSync, closeSync, openSync } from 'node:fs';
import { createConnection, createServer, type Server } from 'node:net';
import { basename, dirname } from 'node:path';
import type { ExecMount } from '../../protocol/exec-request.ts';

type AgentMount = Extract<ExecMount, { type: 'agent' }>;

/**
 * Listens on a socket of the run's own and passes everything on to an SSH agent: the command may belong to another
 * user than the agent, and needs a socket that it may open.
 *
 * @param path absolute; where the socket is made
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
  // Names of sockets may have 107 bytes only: this one is short, wherever the store is.
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
