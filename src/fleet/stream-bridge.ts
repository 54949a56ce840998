import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Duplex, pipeline } from 'node:stream';

import { JettisonError } from '../errors/error.ts';

/** The length that a socket's path may have on Linux. */
const LONGEST_PATH = 107;

/**
 * A socket that leads to a stream. The client of grpc-js connects to addresses only; what it connects to is here a
 * socket in a folder that only this user can enter.
 */
export class StreamBridge {
  /** Why a stream could not be opened, or broke: the client only sees that its connection was closed. */
  failure: unknown;

  private constructor(
    /** An address for grpc-js. */
    readonly target: string,
    private readonly end: () => void,
  ) {}

  static async open(connect: (failed: (reason: unknown) => void) => Promise<Duplex>): Promise<StreamBridge> {
    const folder = mkdtempSync(join(folderFor(), 'jettison-'));
    chmodSync(folder, 0o700);
    const path = join(folder, 'grpc');
    const streams = new Set<Duplex>();
    const server = createServer((socket: Socket) => {
      streams.add(socket);
      socket.on('error', () => {});
      const failed = (reason: unknown) => {
        if (!(bridge.failure instanceof JettisonError)) bridge.failure = reason;
      };
      connect(failed).then(
        (stream) => {
          streams.add(stream);
          stream.on('error', failed);
          pipeline(socket, stream, socket, () => {
            streams.delete(stream);
            streams.delete(socket);
          });
        },
        (error: unknown) => {
          failed(error);
          socket.destroy();
        },
      );
    });
    const bridge = new StreamBridge(`unix:${path}`, () => {
      server.close();
      for (const stream of streams) stream.destroy();
      rmSync(folder, { recursive: true, force: true });
    });
    server.listen(path);
    await once(server, 'listening');
    return bridge;
  }

  close(): void {
    this.end();
  }
}

function folderFor(): string {
  const folder = tmpdir();
  return folder.length + '/jettison-XXXXXX/grpc'.length > LONGEST_PATH ? '/tmp' : folder;
}
