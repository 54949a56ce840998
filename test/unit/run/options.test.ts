import { describe, expect, it } from 'vitest';
import { CAPABILITY_NAMES, DEFAULT_CAPABILITIES } from '../../../src/launch/capabilities.ts';
import { chosenCapabilities } from '../../../src/run/capability-options.ts';
import { tmpfsMount, volumeMount } from '../../../src/run/mounts.ts';
import { signalNumber } from '../../../src/run/signals.ts';

const code = (name: string) => expect.objectContaining({ code: name });

describe('chosenCapabilities', () => {
  it("starts from Docker's defaults", () => {
    expect(chosenCapabilities([], []).sort()).toEqual([...DEFAULT_CAPABILITIES].sort());
    expect(chosenCapabilities(['CAP_NET_ADMIN'], ['chown'])).toContain('net_admin');
    expect(chosenCapabilities(['CAP_NET_ADMIN'], ['chown'])).not.toContain('chown');
  });

  it('ALL means all, and single names take precedence', () => {
    expect(chosenCapabilities([], ['ALL'])).toEqual([]);
    expect(chosenCapabilities(['CHOWN'], ['all'])).toEqual(['chown']);
    expect(chosenCapabilities(['all'], [])).toEqual(CAPABILITY_NAMES);
    expect(chosenCapabilities(['ALL'], ['sys_admin'])).toHaveLength(CAPABILITY_NAMES.length - 1);
  });

  it('knows the names', () => {
    expect(() => chosenCapabilities(['NET_ADMINS'], [])).toThrow(code('CAPABILITY_UNKNOWN'));
  });
});

describe('mounts', () => {
  it('reads --tmpfs', () => {
    expect(tmpfsMount('/run')).toEqual({ type: 'tmpfs', target: '/run', options: [] });
    expect(tmpfsMount('/run/:size=64m,mode=755,uid=5,exec')).toMatchObject({
      options: ['size=64m', 'mode=755', 'uid=5', 'exec'],
    });
    for (const bad of ['run', '/run:size=x', '/run:lowerdir=/', '/run:mode=9']) {
      expect(() => tmpfsMount(bad)).toThrow(code('MOUNT_OPTION'));
    }
  });

  it('reads -v', () => {
    expect(volumeMount('/usr:/data:ro', '/')).toEqual({
      type: 'bind',
      target: '/data',
      source: '/usr',
      readonly: true,
      recursive: true,
    });
    expect(volumeMount('./usr:/data', '/')).toMatchObject({ source: '/usr', readonly: false });
    expect(volumeMount('/data', '/')).toEqual({ type: 'volume', target: '/data' });
    for (const bad of ['name:/data', '/no/such/folder:/data']) {
      expect(() => volumeMount(bad, '/')).toThrow(code('MOUNT_SOURCE'));
    }
    for (const bad of ['/usr:data', '/usr:/data:z', '/usr:/data:ro:x', 'data']) {
      expect(() => volumeMount(bad, '/')).toThrow(code('MOUNT_OPTION'));
    }
  });
});

describe('signalNumber', () => {
  it.each([
    ['TERM', 15],
    ['sigquit', 3],
    ['9', 9],
    ['RTMIN+3', 37],
    ['SIGRTMAX-2', 62],
  ])('%s', (text, number) => {
    expect(signalNumber(text)).toBe(number);
  });

  it.each(['', 'NOPE', '0', '65', 'RTMIN+40'])('refuses "%s"', (text) => {
    expect(() => signalNumber(text)).toThrow(code('SIGNAL_UNKNOWN'));
  });
});
