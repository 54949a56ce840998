import { describe, expect, it } from 'vitest';
import { CAPABILITY_NAMES, DEFAULT_CAPABILITIES } from '../../../src/launch/capabilities.ts';
import { defaultSeccomp } from '../../../src/launch/seccomp-profile.ts';
import type { SeccompProfile } from '../../../src/protocol/exec-request.ts';
import { builtinProfile, readProfile } from '../../../src/run/seccomp-option.ts';

/** What a call without arguments comes to. */
function verdict({ defaultAction, syscalls }: SeccompProfile, name: string): string {
  const rule = syscalls.find(({ names, args }) => names.includes(name) && args === undefined);
  return rule?.action ?? defaultAction;
}
const ALLOW = 'SCMP_ACT_ALLOW';
const REFUSE = 'SCMP_ACT_ERRNO';

describe('Docker’s default filter', () => {
  it('lets a command do its work, and keeps it from the kernel’s other doors', () => {
    const profile = defaultSeccomp({ architecture: 'x64' });
    for (const name of 'read write openat execve futex clone3 statx chown mknod chroot'.split(' ')) {
      expect([name, verdict(profile, name)]).toEqual([name, name === 'clone3' ? REFUSE : ALLOW]);
    }
    for (const name of 'mount unshare setns bpf keyctl add_key kexec_load init_module reboot io_uring_setup userfaultfd'.split(
      ' ',
    )) {
      expect([name, verdict(profile, name)]).toEqual([name, REFUSE]);
    }
    // So that a C library uses clone instead, whose flags can be seen.
    expect(profile.syscalls.find(({ names }) => names.includes('clone3'))).toMatchObject({ errnoRet: 38 });
    expect(profile).toMatchObject({
      defaultErrnoRet: 1,
      architectures: ['SCMP_ARCH_X86_64', expect.any(String), 'SCMP_ARCH_X32'],
    });
  });

  it('follows the capabilities', () => {
    const all = defaultSeccomp({ capabilities: CAPABILITY_NAMES });
    for (const name of 'mount unshare clone clone3 bpf reboot'.split(' '))
      expect(verdict(all, name)).toBe(ALLOW);
    const none = defaultSeccomp({ capabilities: [] });
    expect(verdict(none, 'chroot')).toBe(REFUSE);
    expect(verdict(defaultSeccomp({ tracing: false }), 'ptrace')).toBe(REFUSE);
    expect(builtinProfile(DEFAULT_CAPABILITIES)).toEqual(defaultSeccomp());
  });
});

describe('a profile in Docker’s format', () => {
  const subject = { capabilities: ['chown'], architecture: 'x64', kernel: '4.19.0' } as const;
  const read = (profile: unknown) => readProfile(JSON.stringify(profile), 'p.json', subject);

  it('is taken as far as it is for this machine and these capabilities', () => {
    const rule = (name: string, more = {}) => ({ names: [name], action: ALLOW, ...more });
    expect(
      read({
        defaultAction: REFUSE,
        defaultErrnoRet: 38,
        archMap: [
          { architecture: 'SCMP_ARCH_X86_64', subArchitectures: ['SCMP_ARCH_X86'] },
          { architecture: 'SCMP_ARCH_AARCH64', subArchitectures: null },
        ],
        syscalls: [
          rule('a', { args: [], includes: {}, excludes: {}, comment: 'x' }),
          { name: 'old', action: ALLOW, args: null },
          rule('b', { includes: { caps: ['CAP_CHOWN'] } }),
          rule('c', { includes: { caps: ['CAP_CHOWN', 'CAP_SYS_ADMIN'] } }),
          rule('d', { excludes: { caps: ['CAP_CHOWN'] } }),
          rule('e', { includes: { arches: ['arm64'] } }),
          rule('f', { includes: { arches: ['amd64'], minKernel: '4.8' } }),
          rule('g', { includes: { minKernel: '5.0' } }),
          rule('h', { excludes: { minKernel: '5.0' }, args: [{ index: 0, value: 1, op: 'SCMP_CMP_EQ' }] }),
          { names: ['i'], action: REFUSE, errnoRet: 1 },
        ],
      }),
    ).toEqual({
      defaultAction: REFUSE,
      defaultErrnoRet: 38,
      architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86'],
      syscalls: [
        rule('a'),
        rule('old'),
        rule('b'),
        rule('f'),
        rule('h', { args: [{ index: 0, value: 1, op: 'SCMP_CMP_EQ' }] }),
        { names: ['i'], action: REFUSE, errnoRet: 1 },
      ],
    });
  });

  it.each([
    ['{', 'JSON'],
    ['[]', 'defaultAction'],
    ['null', 'defaultAction'],
    ['{"defaultAction":"ALLOW"}', 'defaultAction'],
    ['{"defaultAction":"SCMP_ACT_ALLOW","syscalls":{}}', 'syscalls'],
    ['{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"action":"SCMP_ACT_ALLOW"}]}', 'rule 1'],
  ])('is refused when it is none: %s', (text, why) => {
    expect(() => readProfile(text, 'p.json', subject)).toThrowError(
      expect.objectContaining({ code: 'SECCOMP_PROFILE', message: expect.stringContaining(why) }),
    );
  });
});
