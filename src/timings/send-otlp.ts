import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { OtlpSettings } from './otlp-environment.ts';

/**
 * Sends spans to a collector, once. It never takes longer than the settings say, and never throws: a build is not to
 * suffer from its telemetry.
 *
 * @returns why they could not be sent; undefined when they were
 */
export async function sendOtlp(body: object, settings: OtlpSettings): Promise<string | undefined> {
  try {
    const json = Buffer.from(JSON.stringify(body));
    const data = settings.isCompressed ? await promisify(gzip)(json) : json;
    const status = await post(data, settings);
    return status >= 200 && status < 300 ? undefined : `the collector answered with HTTP status ${status}`;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    // An error of several addresses has no message of its own.
    return message || code || 'no connection';
  }
}

async function post(data: Buffer, settings: OtlpSettings): Promise<number> {
  const { endpoint, headers, timeoutMs, isCompressed, certificate } = settings;
  const { request } = await (endpoint.protocol === 'https:' ? import('node:https') : import('node:http'));
  const signal = AbortSignal.timeout(timeoutMs);
  const options = {
    method: 'POST',
    // A connection of its own, which ends with the answer.
    agent: false as const,
    signal,
    headers: {
      ...headers,
      'content-type': 'application/json',
      'content-length': data.byteLength,
      ...(isCompressed && { 'content-encoding': 'gzip' }),
    },
    ...(certificate !== undefined && { ca: readFileSync(certificate) }),
  };
  try {
    return await new Promise<number>((resolve, reject) => {
      const sending = request(endpoint, options, (response) => {
        resolve(response.statusCode ?? 0);
        // What a collector says more is not needed.
        response.destroy();
      });
      sending.once('error', reject);
      sending.end(data);
    });
  } catch (error) {
    throw signal.aborted ? new Error(`no answer within ${timeoutMs} ms`) : error;
  }
}
