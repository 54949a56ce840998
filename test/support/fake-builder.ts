import { Duplex } from 'node:stream';
import {
  Client,
  type ClientDuplexStream,
  credentials,
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
} from '@grpc/grpc-js';
import * as content from '../../src/fleet/protocol/content-messages.ts';
import * as control from '../../src/fleet/protocol/control.ts';
import { PACKET, packet } from '../../src/fleet/protocol/files.ts';
import type { Decoded, Message } from '../../src/fleet/protocol/message.ts';
import { StreamBridge } from '../../src/fleet/stream-bridge.ts';
import { sha256 } from '../../src/image/digest.ts';
import { tempDir } from './temp-dir.ts';

type Packet = Decoded<typeof packet>;
type Solve = Decoded<typeof control.solveRequest>;

/** The side of a session that a builder has: it calls the services of the machine that opened it. */
export class FakeSession {
  constructor(
    readonly headers: Metadata,
    private readonly client: Client,
    private readonly bridge: StreamBridge,
  ) {}

  unary<Q, A>(
    path: string,
    request: Message<Q>,
    response: Message<A>,
    value: Partial<Q>,
    headers: Record<string, string> = {},
  ): Promise<A> {
    return new Promise((resolve, reject) => {
      this.client.makeUnaryRequest(
        path,
        (one: Partial<Q>) => request.encode(one),
        (bytes: Buffer) => response.decode(bytes),
        value,
        metadataOf(headers),
        (error, answer) => (error ? reject(error) : resolve(answer!)),
      );
    });
  }

  stream<Q, A>(
    path: string,
    request: Message<Q>,
    response: Message<A>,
    headers: Record<string, string | string[]>,
  ): ClientDuplexStream<Partial<Q>, A> {
    return this.client.makeBidiStreamRequest(
      path,
      (one: Partial<Q>) => request.encode(one),
      (bytes: Buffer) => response.decode(bytes),
      metadataOf(headers),
      {},
    );
  }

  serverStream<Q, A>(
    path: string,
    request: Message<Q>,
    response: Message<A>,
    value: Partial<Q>,
    headers: Record<string, string>,
  ): AsyncIterable<A> {
    return this.client.makeServerStreamRequest(
      path,
      (one: Partial<Q>) => request.encode(one),
      (bytes: Buffer) => response.decode(bytes),
      value,
      metadataOf(headers),
      {},
    );
  }

  files(name: string): ClientDuplexStream<Partial<Packet>, Packet> {
    return this.stream('/moby.filesync.v1.FileSync/DiffCopy', packet, packet, {
      'dir-name': name,
    });
  }

  /** Receives files as a builder does. @param want whether it asks for the content of a path */
  async receive(
    name: string,
    want: (path: string) => boolean = () => true,
  ): Promise<Map<string, Buffer | undefined>> {
    const call = this.files(name);
    const found = new Map<string, Buffer | undefined>();
    const open = new Map<number, { path: string; chunks: Uint8Array[] }>();
    let next = 0;
    let isListed = false;
    const finishIfDone = () => {
      if (isListed && open.size === 0) call.write({ type: PACKET.finish });
    };
    for await (const { type, stat, id, data } of call as AsyncIterable<Packet>) {
      if (type === PACKET.error) throw new Error(Buffer.from(data).toString());
      if (type === PACKET.finish) break;
      if (type === PACKET.stat && stat === undefined) {
        isListed = true;
        finishIfDone();
      } else if (type === PACKET.stat) {
        found.set(stat!.path, undefined);
        const isFile = stat!.mode < 2 ** 12 && stat!.linkname === '';
        if (isFile && want(stat!.path)) {
          open.set(next, { path: stat!.path, chunks: [] });
          call.write({ type: PACKET.request, id: next });
        }
        next++;
      } else if (type === PACKET.data) {
        const file = open.get(id)!;
        if (data.length > 0) file.chunks.push(data);
        else {
          found.set(file.path, Buffer.concat(file.chunks));
          open.delete(id);
          finishIfDone();
        }
      }
    }
    return found;
  }

  /** Sends a blob as an exporter does. @returns whether it was sent, and not known already */
  async deliver(data: Buffer, digest = sha256(data) as string): Promise<boolean> {
    const headers = { 'buildkit-attachable-store-id': 'export' };
    const path = '/containerd.services.content.v1.Content';
    try {
      await this.unary(`${path}/Info`, content.infoRequest, content.infoResponse, { digest }, headers);
      return false;
    } catch {
      // It is not known.
    }
    const call = this.stream(`${path}/Write`, content.writeRequest, content.writeResponse, headers);
    const answers = (call as AsyncIterable<unknown>)[Symbol.asyncIterator]();
    const ask = async (request: Partial<Decoded<typeof content.writeRequest>>) => {
      call.write({ ref: digest, total: data.length, expected: digest, ...request });
      await answers.next();
    };
    await ask({ action: content.WRITE.stat });
    for (let at = 0; at < data.length; at += 1 << 16) {
      await ask({
        action: content.WRITE.write,
        offset: BigInt(at),
        data: data.subarray(at, at + (1 << 16)),
      });
    }
    await ask({ action: content.WRITE.commit, offset: BigInt(data.length) });
    call.end();
    return true;
  }

  close(): void {
    this.client.close();
    this.bridge.close();
  }
}

/** A builder that does what a test says: the wire without an engine. */
export class FakeBuilder {
  #sessions = new Map<string, Promise<FakeSession>>();
  /** How often a client asked who this is, as it does after it connects. */
  readonly connections = { count: 0 };
  /** Whether the progress of a solve has an end. */
  endsStatus = true;
  #open: ServerDuplexStream<unknown, unknown>[] = [];

  private constructor(
    readonly address: string,
    private readonly server: Server,
  ) {}

  /** @param solve solves; the digest of the image that it returns */
  static async start(solve: (session: FakeSession, request: Solve) => Promise<string>): Promise<FakeBuilder> {
    const server = new Server();
    const path = `${tempDir()}/builder.sock`;
    const builder = new FakeBuilder(`unix://${path}`, server);
    server.addService(DEFINITION, {
      Info: (_: unknown, done: Done) => {
        builder.connections.count++;
        done(null, { version: { version: 'v0.0.1-fake' } });
      },
      ListWorkers: (_: unknown, done: Done) =>
        done(null, { workers: [{ id: 'w', platforms: [{ os: 'linux', architecture: 'amd64' }] }] }),
      Session: (call: ServerDuplexStream<{ data: Uint8Array }, { data: Uint8Array }>) => {
        const [id] = call.metadata.get('x-docker-expose-session-uuid');
        builder.#open.push(call);
        builder.#sessions.set(String(id), openSession(call));
      },
      Solve: ({ request }: { request: Solve }, done: Done) => {
        (async () => {
          const session = await builder.#sessions.get(request.session)!;
          try {
            const digest = await solve(session, request);
            return { exporterResponse: { 'containerimage.digest': digest } };
          } finally {
            session.close();
          }
        })().then(
          (answer) => done(null, answer),
          (error: Error) => done({ code: 2, details: error.message }),
        );
      },
      Status: (call: { end(): void }) => {
        if (builder.endsStatus) call.end();
      },
    });
    await new Promise<void>((resolve, reject) =>
      server.bindAsync(`unix:${path}`, ServerCredentials.createInsecure(), (error) =>
        error ? reject(error) : resolve(),
      ),
    );
    return builder;
  }

  /** Cuts all connections, as a machine that loses its power. */
  kill(): void {
    this.server.forceShutdown();
  }
}

type Done = (error: object | null, answer?: object) => void;

const method = (
  name: string,
  request: Message<never>,
  response: Message<never>,
  requestStream = false,
  responseStream = false,
) => ({
  path: `/${control.SERVICE}/${name}`,
  ...{ requestStream, responseStream },
  requestSerialize: (value: object) => request.encode(value as never),
  requestDeserialize: (bytes: Buffer) => request.decode(bytes),
  responseSerialize: (value: object) => response.encode(value as never),
  responseDeserialize: (bytes: Buffer) => response.decode(bytes),
});

const any = (message: unknown) => message as Message<never>;

const DEFINITION = {
  Info: method('Info', any(control.infoRequest), any(control.infoResponse)),
  ListWorkers: method('ListWorkers', any(control.listWorkersRequest), any(control.listWorkersResponse)),
  Session: method('Session', any(control.bytesMessage), any(control.bytesMessage), true, true),
  Solve: method('Solve', any(control.solveRequest), any(control.solveResponse)),
  Status: method('Status', any(control.statusRequest), any(control.statusResponse), false, true),
};

async function openSession(
  call: ServerDuplexStream<{ data: Uint8Array }, { data: Uint8Array }>,
): Promise<FakeSession> {
  const stream = new Duplex({
    read: () => void call.resume(),
    write: (data: Buffer, _, done) => {
      if (call.write({ data })) done();
      else call.once('drain', done);
    },
    final: (done) => {
      call.end();
      done();
    },
  });
  call.on('data', ({ data }: { data: Uint8Array }) => {
    if (!stream.push(Buffer.from(data))) call.pause();
  });
  for (const event of ['end', 'cancelled', 'error']) call.on(event, () => stream.destroy());
  stream.on('error', () => {});
  const bridge = await StreamBridge.open(async () => stream);
  const client = new Client(bridge.target, credentials.createInsecure(), {
    'grpc.enable_http_proxy': 0,
    'grpc.max_receive_message_length': 16 << 20,
  });
  return new FakeSession(call.metadata, client, bridge);
}

function metadataOf(headers: Record<string, string | string[]>): Metadata {
  const metadata = new Metadata();
  for (const [name, values] of Object.entries(headers)) {
    for (const value of [values].flat()) metadata.add(name, value);
  }
  return metadata;
}
