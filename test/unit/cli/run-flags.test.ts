import { describe, expect, it } from 'vitest';
import { readArguments, valuesOf } from '../../../src/cli/flag.ts';
import {
  chosenNetwork,
  containerRequest,
  environment,
  healthcheck,
  publishedPorts,
  RUN_FLAGS,
  stopping,
} from '../../../src/cli/flags/run-flags.ts';
import type { RuntimeConfig } from '../../../src/image/types.ts';

const flags = (...line: string[]) =>
  valuesOf(RUN_FLAGS, readArguments(RUN_FLAGS, line, { usage: '' }).given, { env: {}, cwd: '/' });
const request = (config: RuntimeConfig, ...args: string[]) =>
  containerRequest(flags(...args), { Cmd: ['x'], ...config }, [], {
    env: {},
    cwd: '/',
    stdout: process.stdout,
  });
const wrong = expect.objectContaining({ code: 'USAGE' });

describe('flags of run', () => {
  it('harden a container', () => {
    expect(
      request({ Volumes: { '/data': {}, '/tmp': {} } }, '--hardened', '--cap-add', 'CHOWN'),
    ).toMatchObject({
      readonlyRoot: true,
      noNewPrivileges: true,
      capabilities: ['chown'],
      mounts: [
        { type: 'tmpfs', target: '/tmp' },
        { type: 'volume', target: '/data' },
      ],
    });
    expect(request({ Volumes: { '/data': {} } })).toMatchObject({ readonlyRoot: false, mounts: [] });
    expect(request({}, '--hardened', '--tmpfs', '/tmp:size=1m').mounts).toEqual([
      { type: 'tmpfs', target: '/tmp', options: ['size=1m'] },
    ]);
  });

  it.each([
    ['512m', 512 * 1024 ** 2],
    ['1.5g', 1.5 * 1024 ** 3],
    ['64MiB', 64 * 1024 ** 2],
    ['4096', 4096],
    ['10kb', 10240],
  ])('take %s of memory', (text, memory) => {
    expect(request({}, '-m', text).limits).toEqual({ memory });
  });

  it('publish ports', () => {
    expect(publishedPorts(['3000', '8080:80/udp', '127.0.0.1::90', '[::1]:1:2'])).toEqual([
      { host: 3000, container: 3000, protocol: 'tcp' },
      { host: 8080, container: 80, protocol: 'udp' },
      { address: '127.0.0.1', host: 90, container: 90, protocol: 'tcp' },
      { address: '::1', host: 1, container: 2, protocol: 'tcp' },
    ]);
    for (const bad of ['x', '0', '70000:1', '1:2:3', '80/sctp'])
      expect(() => publishedPorts([bad])).toThrow(wrong);
    expect(chosenNetwork(flags('--network', 'none', '-p', '80'))).toBe('none');
  });

  it('replace parts of a health check', () => {
    const own = { Test: ['CMD', 'a'], Interval: 5, Retries: 9 };
    expect(healthcheck(flags(), own)).toEqual(own);
    expect(healthcheck(flags('--health-interval', '2s', '--health-retries', '1'), own)).toEqual({
      Test: ['CMD', 'a'],
      Interval: 2e9,
      Retries: 1,
    });
    expect(healthcheck(flags('--health-cmd', 'b c'), own)?.Test).toEqual(['CMD-SHELL', 'b c']);
    expect(healthcheck(flags('--health-interval', '2s'), undefined)).toBeUndefined();
    expect(healthcheck(flags('--no-healthcheck'), own)).toBeUndefined();
    expect(() => healthcheck(flags('--health-timeout', '1'), own)).toThrow(wrong);
  });

  it('say how it ends', () => {
    expect(stopping(flags(), {})).toEqual({ stopSignal: 'SIGTERM', stopTimeout: 10 });
    expect(stopping(flags('--stop-timeout', '0'), { StopSignal: 'SIGQUIT' })).toEqual({
      stopSignal: 'SIGQUIT',
      stopTimeout: 0,
    });
    expect(() => stopping(flags('--stop-signal', 'NOPE'), {})).toThrow(
      expect.objectContaining({ code: 'SIGNAL_UNKNOWN', exitCode: 2 }),
    );
  });

  it('take variables of the shell by name', () => {
    expect(environment(['A=1', 'B', 'C'], { B: '2' })).toEqual(['A=1', 'B=2']);
    expect(() => environment(['=x'], {})).toThrow(wrong);
  });
});
