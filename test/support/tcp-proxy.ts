import type { AddressInfo } from 'node:net';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** What happens to one connection. Counts are bytes from its beginning. */
export interface ConnectionFault {
  /** Cut the connection after so much has gone to the server. */
  cutUpAfter?: number;
  /** Cut the connection after so much has come from the server. */
  cutDownAfter?: number;
  /** Change one byte of what comes from the server. */
  corruptDownAt?: number;
}

/** A proxy on the loopback interface that spoils connections to a server. */
export class FaultyProxy {
  #server: Server | undefined;
  readonly #sockets = new Set<Socket>();
  host = '';
  /** Connections that were cut. */
  cuts = 0;

  static async start(target: number, fault: () => ConnectionFault): Promise<FaultyProxy> {
    const proxy = new FaultyProxy();
    const server = createServer((client) => proxy.#serve(client, target, fault()));
    proxy.#server = server;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    proxy.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    return proxy;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server?.close(resolve));
  }

  #serve(client: Socket, target: number, fault: ConnectionFault): void {
    const server = connect(target, '127.0.0.1');
    const spoil = () => {
      this.cuts++;
      cut();
    };
    const cut = () => {
      client.resetAndDestroy();
      server.resetAndDestroy();
    };
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.on('error', cut);
      socket.on('close', () => this.#sockets.delete(socket));
    }
    let [up, down] = [0, 0];
    client.on('data', (chunk: Buffer) => {
      const left = (fault.cutUpAfter ?? Number.POSITIVE_INFINITY) - up;
      up += chunk.byteLength;
      if (left >= chunk.byteLength) {
        if (!server.write(chunk)) client.pause();
        return;
      }
      server.write(chunk.subarray(0, left), spoil);
    });
    server.on('drain', () => client.resume());
    server.on('data', (chunk: Buffer) => {
      const left = (fault.cutDownAfter ?? Number.POSITIVE_INFINITY) - down;
      const at = (fault.corruptDownAt ?? -1) - down;
      if (at >= 0 && at < chunk.byteLength) chunk[at]! ^= 1;
      down += chunk.byteLength;
      if (left >= chunk.byteLength) {
        if (!client.write(chunk)) server.pause();
        return;
      }
      client.write(chunk.subarray(0, left), spoil);
    });
    client.on('drain', () => server.resume());
    client.on('end', () => server.end());
    server.on('end', () => client.end());
  }
}
