import { JettisonError } from '../errors/error.ts';
import type { ApiRequest, Connection } from './connection.ts';
import { networkError } from './errors.ts';
import { type HttpResponse, tooSlow } from './http.ts';
import { isConnectionError, pause } from './retry.ts';

/**
 * The bytes of a response. After a lost connection it continues with `Range`, or skips the known bytes if the server
 * starts again. Ends after exactly `size` bytes.
 *
 * @throws JettisonError `REGISTRY_…`; `DIGEST_MISMATCH` when there are more or fewer bytes
 */
export async function* download(
  connection: Connection,
  request: Omit<ApiRequest, 'expect'>,
  size: number,
): AsyncGenerator<Buffer> {
  const { policy, signal } = connection;
  let received = 0;
  const started = Date.now();
  for (let failures = 0; ; ) {
    const before = received;
    const headers =
      received > 0 ? { ...request.headers, range: `bytes=${received}-` } : { ...request.headers };
    const response = await connection.send({ ...request, headers, expect: [200, 206] }, (answer) => answer);
    let failure: unknown;
    try {
      let skip = received - startOf(response);
      if (skip < 0) throw wrongSize(request, size);
      for await (const chunk of response.stream as AsyncIterable<Buffer>) {
        const fresh = chunk.subarray(Math.min(skip, chunk.byteLength));
        skip -= chunk.byteLength - fresh.byteLength;
        if (received + fresh.byteLength > size) throw wrongSize(request, size);
        received += fresh.byteLength;
        if (fresh.byteLength > 0) yield fresh;
      }
      if (received === size) return;
    } catch (error) {
      if (!isConnectionError(error)) throw error;
      failure = error;
    } finally {
      response.stream.destroy();
    }
    // Counts all connections together: a server that sends a little per connection is too slow, too.
    const ms = Date.now() - started;
    if (ms > policy.rateMs && (received * 1000) / ms < policy.minRate) throw tooSlow(response.url, policy);
    failures = received > before ? 1 : failures + 1;
    if (failures >= policy.attempts) {
      throw failure === undefined
        ? wrongSize(request, size)
        : networkError(failure, response.url, request.subject);
    }
    await pause(policy, failures - 1, signal);
  }
}

/** Offset of the first byte of a response's body. */
function startOf(response: HttpResponse): number {
  if (response.status !== 206) return 0;
  const range = /^bytes (\d+)-/.exec(response.headers['content-range'] ?? '');
  return range === null ? Number.POSITIVE_INFINITY : Number(range[1]);
}

function wrongSize({ subject }: Omit<ApiRequest, 'expect'>, size: number): JettisonError {
  return new JettisonError('DIGEST_MISMATCH', `cannot ${subject.action}: it does not have ${size} bytes`, {
    hint: 'The registry or a proxy damages the data. Try again.',
  });
}
