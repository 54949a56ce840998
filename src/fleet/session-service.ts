import {
  type handleBidiStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  status,
  type UntypedHandleCall,
} from '@grpc/grpc-js';
import type { Message } from './protocol/message.ts';
import { Refusal, textForBuilder } from './refusal.ts';

/** One method of a service. */
export interface SessionMethod {
  // biome-ignore lint/suspicious/noExplicitAny: a table of methods with different messages
  request: Message<any>;
  // biome-ignore lint/suspicious/noExplicitAny: a table of methods with different messages
  response: Message<any>;
  requestStream: boolean;
  responseStream: boolean;
  handle: UntypedHandleCall;
}

/** A gRPC service that a session offers: one file in `services/`. */
export interface SessionService {
  name: string;
  methods: Record<string, SessionMethod>;
}

/** A method with one request and one answer. */
export function unary<Q, A>(
  request: Message<Q>,
  response: Message<A>,
  answer: (request: Q, call: ServerUnaryCall<Q, Partial<A>>) => Partial<A> | Promise<Partial<A>>,
): SessionMethod {
  const handle: handleUnaryCall<Q, Partial<A>> = (call, done) => {
    new Promise<Partial<A>>((resolve) => resolve(answer(call.request, call))).then(
      (value) => done(null, value),
      (error: unknown) => done(statusOf(error)),
    );
  };
  return { request, response, requestStream: false, responseStream: false, handle };
}

/** A method with one request and a stream of answers. */
export function serverStream<Q, A>(
  request: Message<Q>,
  response: Message<A>,
  answer: (request: Q, call: ServerWritableStream<Q, Partial<A>>) => Promise<void>,
): SessionMethod {
  const handle: handleServerStreamingCall<Q, Partial<A>> = (call) => {
    call.on('error', () => {});
    answer(call.request, call).then(
      () => call.end(),
      (error: unknown) => call.emit('error', statusOf(error)),
    );
  };
  return { request, response, requestStream: false, responseStream: true, handle };
}

/** A method with streams in both directions. */
export function bidiStream<Q, A>(
  request: Message<Q>,
  response: Message<A>,
  answer: (call: ServerDuplexStream<Q, Partial<A>>) => Promise<void>,
): SessionMethod {
  const handle: handleBidiStreamingCall<Q, Partial<A>> = (call) => {
    call.on('error', () => {});
    answer(call).then(
      () => call.end(),
      (error: unknown) => call.emit('error', statusOf(error)),
    );
  };
  return { request, response, requestStream: true, responseStream: true, handle };
}

/** What the other side sends. A loop over it can be left without closing the call. */
export function messagesOf<Q, A>(call: ServerDuplexStream<Q, A>): AsyncIterable<Q> {
  return call.iterator({ destroyOnReturn: false });
}

/** A call on which answers are written. */
interface SendingCall<A> extends NodeJS.EventEmitter {
  cancelled: boolean;
  write(value: A): boolean;
}

/** Writes a message, and waits for as long as the other side does not read. */
export async function send<A>(call: SendingCall<A>, value: A): Promise<void> {
  if (call.cancelled) throw new Refusal(status.CANCELLED, 'cancelled');
  if (call.write(value)) return;
  await new Promise<void>((resolve) => {
    const events = ['drain', 'close', 'cancelled'];
    const done = () => {
      for (const event of events) call.off(event, done);
      resolve();
    };
    for (const event of events) call.on(event, done);
  });
}

/** The code and text of an error, as the builder sees them: never a stack or a cause. */
function statusOf(error: unknown): Error & { code: status; details: string } {
  const code = error instanceof Refusal ? error.code : status.UNKNOWN;
  const message = textForBuilder(error);
  return Object.assign(new Error(message), { code, details: message });
}
