import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { Server, ServerCredentials, type ServiceDefinition, type UntypedHandleCall } from '@grpc/grpc-js';
import { JettisonError } from '../errors/error.ts';
import type { BuilderConnection } from './builder-connection.ts';
import { health } from './services/health.ts';
import type { SessionService } from './session-service.ts';

const MOST_MESSAGE = 16 * 2 ** 20;
const WINDOW = 8 * 2 ** 20;
/** BuildKit checks a session every 5 seconds, and waits 30 seconds for the answer, which may follow large files. */
const SILENCE_MS = 45_000;

/**
 * A session: the services that this machine offers to a builder during its solves. The builder is their client, on a
 * stream that this machine opened.
 */
export class BuilderSession {
  /** Rejects when the builder closes the session, or nothing moves on it for `SILENCE_MS`. */
  readonly lost: Promise<never>;

  #isSilent = false;

  private constructor(
    readonly id: string,
    private readonly server: Server,
    private readonly injector: ReturnType<Server['createConnectionInjector']>,
    private readonly stream: Duplex,
    private readonly silence: NodeJS.Timeout,
    builder: string,
  ) {
    this.lost = new Promise((_, reject) => {
      stream.once('close', () => {
        const what = this.#isSilent ? 'does not answer any more' : 'closed the connection';
        reject(
          new JettisonError('BUILDER_UNREACHABLE', `the builder ${builder} ${what}`, {
            hint: 'Check whether it still runs: `jettison builder check`.',
            details: { builder },
          }),
        );
      });
    });
    this.lost.catch(() => {});
  }

  /**
   * @param key equal for builds of the same context: what a builder keeps of a context, it keeps by this key
   * @param silenceMs how long the builder may be silent before the session counts as lost
   * @throws JettisonError `BUILDER_UNREACHABLE`
   */
  static async open(
    connection: BuilderConnection,
    services: readonly SessionService[],
    { name, key, silenceMs = SILENCE_MS }: { name: string; key: string; silenceMs?: number },
  ): Promise<BuilderSession> {
    let session: BuilderSession | undefined;
    const silence = setTimeout(() => {
      if (session !== undefined) session.#fallSilent();
    }, silenceMs);
    const id = randomBytes(16).toString('hex');
    const server = new Server({
      'grpc.max_receive_message_length': MOST_MESSAGE,
      'grpc.max_send_message_length': MOST_MESSAGE,
      'grpc-node.flow_control_window': WINDOW,
    });
    const methods: string[] = [];
    for (const service of [health, ...services]) {
      const definition: Record<string, ServiceDefinition[string]> = {};
      const handlers: Record<string, UntypedHandleCall> = {};
      for (const [method, { request, response, handle, requestStream, responseStream }] of Object.entries(
        service.methods,
      )) {
        const path = `/${service.name}/${method}`;
        methods.push(path);
        definition[method] = {
          path,
          requestStream,
          responseStream,
          requestSerialize: (value: object) => request.encode(value),
          requestDeserialize: (bytes: Buffer) => request.decode(moved(silence, bytes)),
          responseSerialize: (value: object) => moved(silence, response.encode(value)),
          responseDeserialize: (bytes: Buffer) => response.decode(bytes),
        };
        handlers[method] = handle;
      }
      server.addService(definition, handlers);
    }
    const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
    try {
      const stream = await connection.session({
        'x-docker-expose-session-uuid': id,
        'x-docker-expose-session-name': name,
        'x-docker-expose-session-sharedkey': key,
        'x-docker-expose-session-grpc-method': methods,
      });
      stream.on('error', () => {});
      injector.injectConnection(stream);
      session = new BuilderSession(id, server, injector, stream, silence, connection.address.text);
      return session;
    } catch (error) {
      clearTimeout(silence);
      server.forceShutdown();
      throw error;
    }
  }

  #fallSilent(): void {
    this.#isSilent = true;
    this.stream.destroy();
  }

  close(): void {
    clearTimeout(this.silence);
    this.injector.destroy();
    this.server.forceShutdown();
    this.stream.destroy();
  }
}

/** A message came or went: to a builder that does not read, nothing goes after the buffers are full. */
function moved(silence: NodeJS.Timeout, bytes: Buffer): Buffer {
  silence.refresh();
  return bytes;
}
