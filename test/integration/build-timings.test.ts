import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { BuildStore } from '../../src/history/build-store.ts';
import { StoreLayout } from '../../src/store/layout.ts';
import { tempDir } from '../support/temp-dir.ts';

const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));
const PARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
let folder: string;
const servers: Server[] = [];

beforeAll(() => {
  folder = tempDir();
  mkdirSync(join(folder, 'context'));
  const dockerfile =
    'FROM scratch AS a\nCOPY a.txt /\nFROM scratch\nCOPY --from=a / /a/\nWORKDIR /w\nCOPY a.txt .\n';
  writeFileSync(join(folder, 'context', 'Dockerfile'), dockerfile);
  writeFileSync(join(folder, 'context', 'a.txt'), 'a\n');
});

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

function build(args: string[], env: NodeJS.ProcessEnv = {}): Promise<{ code: number; err: string }> {
  return new Promise((resolve) => {
    const own = { PATH: process.env['PATH'], HOME: folder, JETTISON_HOME: join(folder, 'store') };
    const options = { cwd: folder, env: { ...own, ...env } };
    execFile(process.execPath, [cli, 'build', ...args, 'context'], options, (error, _, err) =>
      resolve({ code: error === null ? 0 : Number(error.code), err }),
    );
  });
}

interface Received {
  url: string | undefined;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/** A collector that gives this answer; without one it never does. */
async function collector(status?: number): Promise<{ endpoint: string; received: Received[] }> {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    received.push({ url: request.url, headers: request.headers, body: Buffer.concat(chunks) });
    if (status !== undefined) response.writeHead(status).end('{}');
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received };
}

describe('the timings of jettison build', () => {
  test('--timings prints a table with the critical path after the result', async () => {
    const { code, err } = await build(['--timings', '--no-cache']);
    expect(code).toBe(0);
    const table = err.slice(err.indexOf('Time   '));
    expect(table).toMatch(/^ +at +time.* {2}step$/m);
    expect(table).toMatch(/critical path {2}[\d.]+s of [\d.]+s/);
    expect(table).toMatch(/parallelism +[\d.]+: /);
  });

  test('--timings is a line of JSON among the events of rawjson', async () => {
    const { err } = await build(['--timings', '--no-cache', '--progress', 'rawjson']);
    const events = err
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const { parts } = events.find(({ type }) => type === 'build.timings');
    expect(parts.map(({ id }: { id: string }) => id)).toEqual([
      'plan',
      'a/1',
      'stage-1/1',
      'stage-1/2',
      'stage-1/3',
      'export image',
    ]);
    expect(parts[2]).toMatchObject({ kind: 'step', stage: 'stage-1', outcome: 'done', needs: ['a/1'] });
    expect(parts[3]).toMatchObject({ needs: ['stage-1/1'] });
  });

  test('--trace writes a file that is no part of the context, also when the build fails', async () => {
    const { code } = await build(['--trace', 'context/trace.json', '-t', 'traced']);
    expect(code).toBe(0);
    const { traceEvents } = JSON.parse(readFileSync(join(folder, 'context', 'trace.json'), 'utf8'));
    expect(traceEvents.some(({ name }: { name: string }) => name.includes('COPY a.txt /'))).toBe(true);
    writeFileSync(join(folder, 'context', 'Failing'), 'FROM scratch\nCOPY missing /\n');
    const failed = await build(['--trace', 'failed.json', '-f', 'context/Failing']);
    expect(failed.code).toBe(1);
    expect(JSON.parse(readFileSync(join(folder, 'failed.json'), 'utf8')).traceEvents).not.toEqual([]);
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  test('are always on record', async () => {
    await build(['--no-cache']);
    const store = new BuildStore(new StoreLayout(join(folder, 'store')));
    const last = store.names().map((name) => store.read(name)!.timings!);
    const { startedAt, durationMs, parts } = last.sort((a, b) => b.startedAt - a.startedAt)[0]!;
    expect(Date.now() - startedAt).toBeLessThan(60_000);
    expect(parts.map(({ id }) => id)).toContain('stage-1/3');
    for (const { busy } of parts) for (const { endMs } of busy) expect(endMs).toBeLessThanOrEqual(durationMs);
  });

  test('--trace says when the file cannot be written', async () => {
    const { code, err } = await build(['--trace', 'missing/trace.json']);
    expect(code).toBe(1);
    expect(err).toMatch(/cannot write the trace .*missing\/trace\.json/);
  });
});

describe('the spans of jettison build', () => {
  test('are sent to the collector, below the given parent', async () => {
    const { endpoint, received } = await collector(200);
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
      OTEL_EXPORTER_OTLP_HEADERS: 'x-key=secret%20key',
      OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
      OTEL_SERVICE_NAME: 'my-ci',
      TRACEPARENT: PARENT,
    };
    const { code, err } = await build(['-t', 'spans'], env);
    expect({ code, warned: err.includes('spans') && err.includes('could not') }).toEqual({
      code: 0,
      warned: false,
    });
    expect(received).toHaveLength(1);
    const [{ url, headers, body }] = received as [Received];
    expect(url).toBe('/v1/traces');
    expect(headers).toMatchObject({ 'content-type': 'application/json', 'x-key': 'secret key' });
    const [{ resource, scopeSpans }] = JSON.parse(gunzipSync(body).toString()).resourceSpans;
    expect(resource.attributes).toContainEqual({ key: 'service.name', value: { stringValue: 'my-ci' } });
    const spans: { name: string; traceId: string; parentSpanId: string }[] = scopeSpans[0].spans;
    expect(spans[0]).toMatchObject({ name: 'jettison build', parentSpanId: '00f067aa0ba902b7' });
    expect(spans.map(({ name }) => name)).toContain('[stage-1 2/3] WORKDIR /w');
  });

  test.each([
    ['answers with an error', 503, /HTTP status 503/],
    ['never answers', undefined, /no answer within 300 ms/],
  ])('fail no build when the collector %s', async (_, status, why) => {
    const { endpoint } = await collector(status);
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_TIMEOUT: '300' };
    const { code, err } = await build([], env);
    expect(code).toBe(0);
    expect(err).toMatch(/The spans of this build could not be sent to 127\.0\.0\.1:\d+: /);
    expect(err).toMatch(why);
  });

  test('are not missed where only a parent is given and no collector listens', async () => {
    const { code, err } = await build([], { TRACEPARENT: PARENT });
    expect(code).toBe(0);
    expect(err).not.toMatch(/spans/);
  });
});
