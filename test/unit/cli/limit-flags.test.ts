import { describe, expect, test } from 'vitest';
import { parseBuildCommand } from '../../../src/cli/flags/build-flags.ts';
import { bytes, host, positive, timeout, ulimit } from '../../../src/cli/flags/limits.ts';
import { fakeIo } from '../../support/fake-io.ts';

const build = (...line: string[]) => parseBuildCommand(line, fakeIo().io, '').options;
const usage = expect.objectContaining({ exitCode: 2 });

describe('limits of RUN', () => {
  test('amounts of memory', () => {
    expect([bytes('512m'), bytes('2g'), bytes('1.5k'), bytes('100'), bytes('1GiB')]).toEqual([
      536870912, 2147483648, 1536, 100, 1073741824,
    ]);
    expect(() => bytes('much')).toThrow(usage);
  });

  test('resource limits, soft and hard', () => {
    expect(ulimit('nofile=1024')).toEqual({ name: 'nofile', soft: 1024, hard: 1024 });
    expect(ulimit('core=0:-1')).toEqual({ name: 'core', soft: 0, hard: -1 });
    for (const text of ['nofile', 'files=1', 'nofile=2:1', 'nofile=-1:5', 'nofile=x', 'nofile=1;x']) {
      expect(() => ulimit(text), text).toThrow(usage);
    }
  });

  test('hosts, with addresses of both kinds', () => {
    expect(host('a.b:1.2.3.4')).toEqual(['a.b', '1.2.3.4']);
    expect(host('a=[::1]')).toEqual(['a', '::1']);
    expect(host('a:::1')).toEqual(['a', '::1']);
    for (const text of ['a', 'a:', ':1', 'a:1\nb:2']) expect(() => host(text), text).toThrow(usage);
  });

  test('numbers and times', () => {
    expect([positive('0.5'), timeout('1m30s')]).toEqual([0.5, 90_000]);
    for (const text of ['0', '-1', 'x', '']) expect(() => positive(text), text).toThrow(usage);
    for (const text of ['0', '10', '-5s']) expect(() => timeout(text), text).toThrow(usage);
  });

  test('are flags of build, absent unless given', () => {
    expect(Object.keys(build('.')).sort()).toEqual(['context', 'env', 'signal']);
    const flags = [
      ...[
        '-m',
        '1g',
        '--cpus=2',
        '--pids-limit',
        '50',
        '--shm-size=1m',
        '--ulimit=core=0',
        '--timeout',
        '5s',
      ],
      ...['--add-host', 'h:1.1.1.1', '--allow', 'security.insecure', '--allow=network.host'],
    ];
    expect(build(...flags, '.')).toMatchObject({
      limits: { memory: 1073741824, cpus: 2, pids: 50 },
      shmSize: 1048576,
      ulimits: [{ name: 'core', soft: 0, hard: 0 }],
      timeout: 5000,
      hosts: [['h', '1.1.1.1']],
      allowInsecure: true,
      allowHostNetwork: true,
    });
    expect(() => build('--allow=everything', '.')).toThrow(usage);
  });
});
