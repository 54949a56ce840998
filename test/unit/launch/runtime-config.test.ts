import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type RuntimeConfigOptions, runtimeConfig } from '../../../src/launch/runtime-config.ts';
import { runtimeError } from '../../../src/machine/runtime.ts';

const OPTIONS: RuntimeConfigOptions = {
  root: '/store/tmp/run/root',
  devices: true,
  plan: { mounts: [], nested: [], masked: [], readonly: [] },
  args: ['/bin/sh', '-c', 'true'],
  environment: ['PATH=/bin'],
  cwd: '/app',
  user: { uid: 0, gid: 0, groups: [0, 44], home: '/root' },
  capabilities: ['chown', 'net_bind_service'],
  noNewPrivileges: false,
  ulimits: [],
  terminal: undefined,
};

const config = (options: Partial<RuntimeConfigOptions>) =>
  JSON.parse(runtimeConfig({ ...OPTIONS, ...options })) as {
    process: Record<string, unknown> & { capabilities: Record<string, string[]> };
    root: unknown;
    mounts: { destination: string; source: string; type: string; options: string[] }[];
    linux: Record<string, unknown>;
  };

describe('the bundle of a command', () => {
  it('contains the process and its user', () => {
    const { process, root, linux } = config({});
    expect(process).toMatchObject({
      args: ['/bin/sh', '-c', 'true'],
      env: ['PATH=/bin'],
      cwd: '/app',
      user: { uid: 0, gid: 0, additionalGids: [0, 44], umask: 0o22 },
      capabilities: {
        bounding: ['CAP_CHOWN', 'CAP_NET_BIND_SERVICE'],
        effective: ['CAP_CHOWN', 'CAP_NET_BIND_SERVICE'],
        permitted: ['CAP_CHOWN', 'CAP_NET_BIND_SERVICE'],
        inheritable: [],
        ambient: [],
      },
    });
    expect(root).toEqual({ path: '/store/tmp/run/root' });
    expect(linux).toEqual({
      namespaces: [{ type: 'mount' }, { type: 'pid' }],
      maskedPaths: [],
      readonlyPaths: [],
    });
  });

  it('leaves no capabilities to anybody but root, and keeps those that files may give', () => {
    const { process } = config({ user: { uid: 7, gid: 0, groups: [], home: '/' } });
    expect(process.capabilities).toMatchObject({
      bounding: ['CAP_CHOWN', 'CAP_NET_BIND_SERVICE'],
      effective: [],
      permitted: [],
    });
  });

  it('has limits to the last digit', () => {
    const text = runtimeConfig({
      ...OPTIONS,
      ulimits: [
        { name: 'nofile', soft: 1024, hard: -1 },
        { name: 'core', soft: 0, hard: 0 },
      ],
    });
    expect(text).toContain('{"type":"RLIMIT_NOFILE","soft":1024,"hard":18446744073709551615}');
    expect(JSON.parse(text)).toMatchObject({ process: { rlimits: [{}, { type: 'RLIMIT_CORE', hard: 0 }] } });
  });

  it('has mounts as mount(8) would make them', () => {
    const { mounts } = config({
      plan: {
        mounts: [
          { source: 'proc', target: 'proc', type: 'proc', options: 'nosuid,nodev,noexec' },
          { source: '/src', target: 'a', type: 'none', options: 'bind,ro' },
          { target: 'data', type: 'none', options: 'bind' },
          {
            source: 'tmpfs',
            target: 't',
            type: 'tmpfs',
            options: 'nosuid,nodev,noexec,mode=1777,size=64,exec',
          },
        ],
        nested: [{ mount: { source: '/n', target: 'a/n', type: 'none', options: 'bind' } }],
        masked: [],
        readonly: [],
      },
    });
    expect(mounts).toEqual([
      { destination: '/proc', source: 'proc', type: 'proc', options: ['nosuid', 'nodev', 'noexec'] },
      { destination: '/a', source: '/src', type: 'bind', options: ['bind', 'ro'] },
      { destination: '/data', source: '/store/tmp/run/root/data', type: 'bind', options: ['bind'] },
      {
        destination: '/t',
        source: 'tmpfs',
        type: 'tmpfs',
        options: ['nosuid', 'nodev', 'mode=1777', 'size=64', 'exec'],
      },
      { destination: '/a/n', source: '/n', type: 'bind', options: ['bind'] },
    ]);
  });

  it('is JSON, for any command and variables', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' })), fc.array(fc.string()), (args, environment) => {
        const ulimits = [{ name: 'nproc', soft: 1, hard: -1 }];
        expect(config({ args, environment, ulimits }).process).toMatchObject({ args, env: environment });
      }),
    );
  });
});

describe('the log of a runtime', () => {
  it('contains the error, without warnings', () => {
    const runc =
      'time="2026-01-01T00:00:00Z" level=warning msg="lstat /sys/fs/cgroup/x: no such file"\n' +
      'time="2026-01-01T00:00:00Z" level=error msg="runc run failed: exec: \\"x\\": not found"\n';
    expect(runtimeError(runc)).toBe('runc run failed: exec: "x": not found');
    expect(runtimeError(runc.split('\n')[0]!)).toBeUndefined();
    expect(runtimeError('')).toBeUndefined();
    expect(
      runtimeError('2026-01-01T00:00:00.0Z: mount `proc` to `/proc`: Operation not permitted\n'),
    ).toContain('Operation not permitted');
  });
});
