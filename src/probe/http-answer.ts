import { createHash } from 'node:crypto';
import { request } from 'node:http';
import { createServer } from 'node:net';
import type { Digest } from '../image/digest.ts';
import { printable } from './captured-output.ts';
import type { HttpAnswer } from './probe-result.ts';

/** Bytes of a body that are read. */
const MOST_BODY = 8 * 2 ** 20;

/**
 * Sends one GET request to a port of this machine's loopback. Redirects are not followed.
 *
 * @param hostPort where it is sent
 * @param port in the container, for the result
 * @returns an answer with status 0 if there is none
 */
export function getAnswer(
  hostPort: number,
  port: number,
  path: string,
  timeoutMs: number,
): Promise<HttpAnswer> {
  return new Promise((resolve) => {
    const hash = createHash('sha256');
    let size = 0;
    let head: Pick<HttpAnswer, 'status' | 'headers'> = { status: 0, headers: {} };
    const end = (more: { error?: string; truncated?: boolean } = {}) => {
      clearTimeout(timer);
      const { error, truncated = false } = more;
      resolve({
        port,
        path,
        ...head,
        ...(error === undefined ? {} : { error: printable(error) }),
        body: { digest: `sha256:${hash.copy().digest('hex')}` as Digest, size, truncated },
      });
      sent.destroy();
    };
    const sent = request(
      { host: '127.0.0.1', port: hostPort, path, agent: false, headers: { host: `localhost:${port}` } },
      (response) => {
        const headers = Object.entries(response.headers).map(
          ([name, value]) => [name, Array.isArray(value) ? value.join(', ') : (value ?? '')] as const,
        );
        head = { status: response.statusCode ?? 0, headers: Object.fromEntries(headers) };
        response.on('data', (data: Buffer) => {
          const part = data.subarray(0, MOST_BODY - size);
          hash.update(part);
          size += part.length;
          if (part.length < data.length) end({ truncated: true });
        });
        response.once('end', () => end());
        response.once('error', ({ message }) => end({ error: message, truncated: true }));
      },
    );
    // For the whole answer: a server that sends a byte a second must not hold the probe up.
    const timer = setTimeout(
      () => end({ error: `no complete answer within ${timeoutMs / 1000} s`, truncated: true }),
      timeoutMs,
    );
    sent.once('error', ({ message }) => end({ error: message }));
    sent.end();
  });
}

/** A TCP port of the loopback that is free now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
