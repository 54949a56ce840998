import { Duplex } from 'node:stream';
import {
  Client,
  type ClientDuplexStream,
  credentials,
  Metadata,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { JettisonError } from '../errors/error.ts';
import { visible } from '../errors/safe-text.ts';
import type { BuilderAddress } from './builder-address.ts';
import {
  bytesMessage,
  infoRequest,
  infoResponse,
  listWorkersRequest,
  listWorkersResponse,
  SERVICE,
  solveRequest,
  solveResponse,
  statusRequest,
  statusResponse,
} from './protocol/control.ts';
import type { Decoded, Message } from './protocol/message.ts';
import { StreamBridge } from './stream-bridge.ts';

/** How long a builder may take to answer a question about itself. */
const ANSWER_MS = 20_000;
/** BuildKit splits longer logs and pieces of files. */
const MOST_MESSAGE = 16 * 2 ** 20;
const WINDOW = 8 * 2 ** 20;
/** How calls end when there is no connection, or none any more. */
const LOST = new Set([status.UNAVAILABLE, status.DEADLINE_EXCEEDED, status.CANCELLED]);

/** The metadata with which a session is opened. */
export type SessionMetadata = Record<string, string | string[]>;

/** A connection to a builder: the methods of its Control service. */
export class BuilderConnection {
  #version: string | undefined;

  private constructor(
    readonly address: BuilderAddress,
    private readonly client: Client,
    private readonly bridge: StreamBridge | undefined,
    private readonly signal: AbortSignal,
  ) {}

  /** @throws JettisonError `BUILDER_UNREACHABLE` */
  static async open(address: BuilderAddress, signal: AbortSignal): Promise<BuilderConnection> {
    const { link } = address;
    const bridge = link.kind === 'stream' ? await StreamBridge.open(link.open) : undefined;
    const tls = link.kind === 'socket' ? link.tls : undefined;
    const client = new Client(
      link.kind === 'socket' ? link.target : bridge!.target,
      tls === undefined
        ? credentials.createInsecure()
        : credentials.createSsl(tls.ca ?? null, tls.key ?? null, tls.cert ?? null),
      {
        'grpc.max_receive_message_length': MOST_MESSAGE,
        'grpc.max_send_message_length': MOST_MESSAGE,
        'grpc-node.flow_control_window': WINDOW,
        // No lookups of service configs and proxies: a builder's address is meant as it is.
        'grpc.service_config_disable_resolution': 1,
        'grpc.enable_http_proxy': 0,
        ...(tls?.serverName !== undefined && { 'grpc.ssl_target_name_override': tls.serverName }),
      },
    );
    const connection = new BuilderConnection(address, client, bridge, signal);
    try {
      connection.#version = await connection.#info();
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /** Version of its BuildKit; undefined for one before 0.11, which does not say. */
  get version(): string | undefined {
    return this.#version || undefined;
  }

  /** The first call: it fails if there is no builder. */
  async #info(): Promise<string | undefined> {
    try {
      const { version } = await this.#ask('Info', infoRequest, infoResponse);
      return version?.version;
    } catch (error) {
      if (error instanceof JettisonError && error.details?.['status'] === 'UNIMPLEMENTED') return undefined;
      throw error;
    }
  }

  async workers(): Promise<Decoded<typeof listWorkersResponse>['workers']> {
    return (await this.#ask('ListWorkers', listWorkersRequest, listWorkersResponse)).workers;
  }

  #ask<A>(method: string, request: Message<object>, response: Message<A>): Promise<A> {
    return this.#call(method, request, response, {}, { deadline: Date.now() + ANSWER_MS });
  }

  /** Solves, and ends as the solve does. An aborted signal cancels it at the builder. */
  solve(
    request: Partial<Decoded<typeof solveRequest>>,
    signal = this.signal,
  ): Promise<Decoded<typeof solveResponse>> {
    return this.#call('Solve', solveRequest, solveResponse, request, { signal });
  }

  /** The progress of a solve, until it ends. */
  async *status(ref: string, signal = this.signal): AsyncGenerator<Decoded<typeof statusResponse>> {
    const call = this.client.makeServerStreamRequest(
      `/${SERVICE}/Status`,
      (value: { ref: string }) => statusRequest.encode(value),
      (bytes: Buffer) => statusResponse.decode(bytes),
      { ref },
      new Metadata(),
      {},
    );
    const cancel = () => call.cancel();
    signal.addEventListener('abort', cancel, { once: true });
    if (signal.aborted) cancel();
    try {
      for await (const part of call) yield part as Decoded<typeof statusResponse>;
    } catch (error) {
      throw this.#failure(error as ServiceError, signal);
    } finally {
      signal.removeEventListener('abort', cancel);
      call.cancel();
    }
  }

  /** Opens the stream on which the builder is the client of a session's services. */
  async session(metadata: SessionMetadata): Promise<Duplex> {
    const { link } = this.address;
    if (link.kind === 'stream' && link.openSession !== undefined) return link.openSession(metadata);
    const headers = new Metadata();
    for (const [name, values] of Object.entries(metadata)) {
      for (const value of [values].flat()) headers.add(name, value);
    }
    const call = this.client.makeBidiStreamRequest(
      `/${SERVICE}/Session`,
      (data: Uint8Array) => bytesMessage.encode({ data }),
      (bytes: Buffer) => Buffer.from(bytesMessage.decode(bytes).data),
      headers,
      {},
    );
    return byteStream(call);
  }

  close(): void {
    this.client.close();
    this.bridge?.close();
  }

  #call<Q, A>(
    method: string,
    request: Message<Q>,
    response: Message<A>,
    value: Partial<Q>,
    { signal = this.signal, deadline }: { signal?: AbortSignal; deadline?: number } = {},
  ): Promise<A> {
    return new Promise((resolve, reject) => {
      const call = this.client.makeUnaryRequest(
        `/${SERVICE}/${method}`,
        (one: Partial<Q>) => request.encode(one),
        (bytes: Buffer) => response.decode(bytes),
        value,
        deadline === undefined ? {} : { deadline },
        (error: ServiceError | null, answer?: A) => {
          signal.removeEventListener('abort', cancel);
          if (error) reject(this.#failure(error, signal));
          else resolve(answer!);
        },
      );
      const cancel = () => call.cancel();
      signal.addEventListener('abort', cancel, { once: true });
      if (signal.aborted) cancel();
    });
  }

  #failure(error: ServiceError, signal: AbortSignal): unknown {
    if (signal.aborted) return signal.reason;
    if (error.code === undefined) return error;
    // A call is cancelled by the signal, or because its connection breaks.
    if (LOST.has(error.code)) {
      return this.#unreachable(error);
    }
    const { text } = this.address;
    const said = visible(error.details || error.message);
    const details = { builder: text, status: status[error.code] };
    if (/exporter "?oci"? (could not be found|is not supported)/i.test(said)) {
      return new JettisonError('BUILDER_UNSUITABLE', `the builder ${text} cannot return images: ${said}`, {
        hint: 'A Docker engine needs the containerd image store: "features": {"containerd-snapshotter": true} in daemon.json.',
        details,
        cause: error,
      });
    }
    return new JettisonError('BUILDER_FAILED', said, {
      hint: `The builder is ${text}: \`jettison builder check\` shows what it can do.`,
      details,
      cause: error,
    });
  }

  #unreachable(error: Error): JettisonError {
    const reason = this.bridge?.failure ?? error;
    if (reason instanceof JettisonError) return reason;
    const { details, message } = reason as ServiceError;
    const said =
      /Last error: (?:Error: )?(.*?)\.? Resolution note/.exec(details)?.[1] ?? (details || message);
    return new JettisonError(
      'BUILDER_UNREACHABLE',
      `cannot reach the builder ${this.address.text}: ${visible(said)}`,
      {
        hint: 'Check its address, and that buildkitd listens there: `jettison builder check`.',
        details: { builder: this.address.text },
        cause: error,
      },
    );
  }
}

/** The bytes in the messages of a call. */
function byteStream(call: ClientDuplexStream<Uint8Array, Buffer>): Duplex {
  const stream = new Duplex({
    read: () => void call.resume(),
    write: (chunk: Buffer, _, done) => void call.write(chunk, done),
    final: (done) => {
      call.end();
      done();
    },
    destroy: (error, done) => {
      call.cancel();
      done(error);
    },
  });
  call.on('data', (chunk: Buffer) => {
    if (!stream.push(chunk)) call.pause();
  });
  call.on('end', () => stream.push(null));
  call.on('error', (error) => stream.destroy(error));
  return stream;
}
