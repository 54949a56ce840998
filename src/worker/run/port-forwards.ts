import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { JettisonError } from '../../errors/error.ts';
import type { PublishedPort } from '../../protocol/exec-request.ts';

/**
 * Checks that ports of this machine are free, because the helpers' own messages are hard to understand.
 *
 * @throws JettisonError `PORT_UNAVAILABLE`
 */
export async function checkPorts(ports: readonly PublishedPort[]): Promise<void> {
  for (const port of ports) {
    try {
      await (port.protocol === 'tcp' ? tryTcp(port) : tryUdp(port));
    } catch (error) {
      throw unavailable(port, error as NodeJS.ErrnoException);
    }
  }
}

async function tryTcp({ host: port, address }: PublishedPort): Promise<void> {
  const server = createServer().listen({ port, ...(address === undefined ? {} : { host: address }) });
  await once(server, 'listening');
  server.close();
  await once(server, 'close');
}

async function tryUdp({ host: port, address }: PublishedPort): Promise<void> {
  const isSix = address?.includes(':') ?? false;
  const socket = createSocket(isSix ? 'udp6' : 'udp4').bind({
    port,
    exclusive: true,
    ...(address === undefined ? {} : { address }),
  });
  await once(socket, 'listening');
  socket.close();
}

function unavailable({ address, host, container, protocol }: PublishedPort, error: NodeJS.ErrnoException) {
  const shown = address === undefined ? String(host) : `${address}:${host}`;
  const why: Record<string, [says: string, hint: string]> = {
    EADDRINUSE: ['it is already in use', `Publish another one: -p ${host + 1}:${container}`],
    EACCES: [
      'only root may use ports below 1024',
      `Publish a higher one: -p ${host + 8000}:${container}, or lower the sysctl net.ipv4.ip_unprivileged_port_start.`,
    ],
    EADDRNOTAVAIL: ['this machine has no such address', 'Leave the address out to publish on all of them.'],
  };
  const [says, hint] = why[error.code ?? ''] ?? [error.message, 'Publish another one.'];
  return new JettisonError(
    'PORT_UNAVAILABLE',
    `cannot publish port ${shown}/${protocol} of this machine: ${says}`,
    { hint, cause: error },
  );
}
