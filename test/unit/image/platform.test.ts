import { describe, expect, it } from 'vitest';
import {
  bestPlatform,
  formatPlatform,
  hostPlatform,
  matchPlatform,
  parsePlatform,
} from '../../../src/image/platform.ts';

const amd64 = { os: 'linux', architecture: 'amd64' };

describe('platforms', () => {
  it.each([
    ['linux/amd64', amd64],
    ['linux/x86_64', amd64],
    ['amd64', amd64],
    ['linux', amd64],
    ['LINUX/AMD64', amd64],
    ['linux/arm64', { os: 'linux', architecture: 'arm64' }],
    ['linux/arm64/v8', { os: 'linux', architecture: 'arm64' }],
    ['aarch64', { os: 'linux', architecture: 'arm64' }],
    ['linux/arm', { os: 'linux', architecture: 'arm', variant: 'v7' }],
    ['linux/arm/6', { os: 'linux', architecture: 'arm', variant: 'v6' }],
    ['armhf', { os: 'linux', architecture: 'arm', variant: 'v7' }],
    ['linux/amd64/v3', { os: 'linux', architecture: 'amd64', variant: 'v3' }],
    ['linux/amd64/v1', amd64],
    ['linux/arm64/8.0', { os: 'linux', architecture: 'arm64' }],
    ['linux/arm64/v9.0', { os: 'linux', architecture: 'arm64', variant: 'v9' }],
    ['linux/armel', { os: 'linux', architecture: 'arm', variant: 'v6' }],
    ['linux/armhf/v6', { os: 'linux', architecture: 'arm', variant: 'v7' }],
    ['linux/i386', { os: 'linux', architecture: '386' }],
    ['s390x', { os: 'linux', architecture: 's390x' }],
    ['macos', { os: 'darwin', architecture: 'amd64' }],
    ['windows/amd64', { os: 'windows', architecture: 'amd64' }],
  ])('%s', (text, platform) => {
    expect(parsePlatform(text, amd64)).toEqual(platform);
  });

  it.each(['', 'linux/', 'a/b/c/d', 'linux/am d64', 'adm64'])('refuses %j', (text) => {
    expect(() => parsePlatform(text)).toThrow(expect.objectContaining({ code: 'PLATFORM_INVALID' }));
  });

  it('names Node architectures as OCI does', () => {
    expect(formatPlatform(hostPlatform('x64'))).toBe('linux/amd64');
    expect(formatPlatform(hostPlatform('arm64'))).toBe('linux/arm64');
    expect(formatPlatform(hostPlatform('arm'))).toBe('linux/arm/v7');
  });

  it('takes lower variants, and the best of them', () => {
    const v7 = parsePlatform('linux/arm/v7');
    const v6 = parsePlatform('linux/arm/v6');
    expect(matchPlatform(v7, v6)).toBeGreaterThan(0);
    expect(matchPlatform(v6, v7)).toBe(0);
    expect(matchPlatform(amd64, parsePlatform('linux/arm64'))).toBe(0);
    expect(matchPlatform(amd64, parsePlatform('linux/amd64/v3'))).toBe(0);
    expect(bestPlatform(v7, [{ platform: v6 }, { platform: v7 }, {}])).toEqual({ platform: v7 });
    expect(bestPlatform(amd64, [{ platform: v6 }])).toBeUndefined();
    const names = (wanted: string, ...offered: string[]) => {
      const offers = offered.map((name) => ({ platform: parsePlatform(name) }));
      const best = bestPlatform(parsePlatform(wanted), offers)?.platform;
      return best && formatPlatform(best);
    };
    expect(names('linux/arm64', 'linux/arm/v7', 'linux/arm/v8', 'linux/arm/v5')).toBe('linux/arm/v8');
    expect(names('linux/arm64', 'linux/arm/v7', 'linux/arm64')).toBe('linux/arm64');
    expect(names('linux/arm64/v9', 'linux/arm64', 'linux/arm64/v8.2')).toBe('linux/arm64');
    expect(names('linux/amd64', 'linux/386', 'linux/amd64/v2')).toBe('linux/386');
    expect(names('linux/amd64/v3', 'linux/386', 'linux/amd64', 'linux/amd64/v2')).toBe('linux/amd64/v2');
    expect(names('linux/386', 'linux/amd64')).toBeUndefined();
    expect(names('linux/arm/v5', 'linux/arm/v6')).toBeUndefined();
    expect(names('linux/riscv64', 'linux/riscv64')).toBe('linux/riscv64');
    expect(names('linux/amd64', 'windows/amd64')).toBeUndefined();
  });
});
