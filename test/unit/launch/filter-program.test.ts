import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CAPABILITY_NAMES, DEFAULT_CAPABILITIES } from '../../../src/launch/capabilities.ts';
import { filterProgram } from '../../../src/launch/filter-program.ts';
import { defaultSeccomp } from '../../../src/launch/seccomp-profile.ts';
import { syscallNumbers } from '../../../src/launch/syscall-numbers.ts';
import type { SeccompProfile, SeccompRule } from '../../../src/protocol/exec-request.ts';

const ARCHITECTURES = {
  SCMP_ARCH_X86_64: { audit: 0xc000003e, offset: 0 },
  SCMP_ARCH_X32: { audit: 0xc000003e, offset: 0x40000000 },
  SCMP_ARCH_X86: { audit: 0x40000003, offset: 0 },
  SCMP_ARCH_AARCH64: { audit: 0xc00000b7, offset: 0 },
  SCMP_ARCH_ARM: { audit: 0x40000028, offset: 0 },
} as const;
type Architecture = keyof typeof ARCHITECTURES;
const names = Object.keys(ARCHITECTURES) as Architecture[];

const ALLOW = 0x7fff0000;
const errno = (number: number) => 0x00050000 | number;
const KILL = 0;
const [EPERM, ENOSYS] = [1, 38];
const NEWEST = 469;
const RUNS = Number(process.env['JETTISON_FUZZ_RUNS'] ?? 2000);

/** Does what the kernel does with a program: the action for a call. */
function interpret(program: Buffer, audit: number, number: number, args: readonly bigint[]): number {
  const data = Buffer.alloc(64);
  data.writeUInt32LE(number >>> 0, 0);
  data.writeUInt32LE(audit, 4);
  for (const [index, value] of args.entries()) data.writeBigUInt64LE(value, 16 + 8 * index);
  let accumulator = 0;
  for (let at = 0; at < program.length / 8; at++) {
    const code = program.readUInt16LE(at * 8);
    const [jt, jf] = [program[at * 8 + 2]!, program[at * 8 + 3]!];
    const k = program.readUInt32LE(at * 8 + 4);
    if (code === 0x20) accumulator = data.readUInt32LE(k);
    else if (code === 0x54) accumulator = (accumulator & k) >>> 0;
    else if (code === 0x05) at += k;
    else if (code === 0x15) at += accumulator === k ? jt : jf;
    else if (code === 0x25) at += accumulator > k ? jt : jf;
    else if (code === 0x35) at += accumulator >= k ? jt : jf;
    else if (code === 0x06) return k;
    else throw new Error(`the kernel takes no instruction ${code}`);
  }
  throw new Error('the program has no end');
}

const WORD = (1n << 64n) - 1n;

function fits(rule: SeccompRule, args: readonly bigint[]): boolean {
  return (rule.args ?? []).every(({ index, value, valueTwo = 0, op }) => {
    const argument = args[index]! & WORD;
    const data = BigInt(value) & WORD;
    switch (op) {
      case 'SCMP_CMP_EQ':
        return argument === data;
      case 'SCMP_CMP_NE':
        return argument !== data;
      case 'SCMP_CMP_LT':
        return argument < data;
      case 'SCMP_CMP_LE':
        return argument <= data;
      case 'SCMP_CMP_GT':
        return argument > data;
      case 'SCMP_CMP_GE':
        return argument >= data;
      default:
        return (argument & data) === (BigInt(valueTwo) & data);
    }
  });
}

/** What a profile says of a call, read from its rules one by one. */
function expected(
  profile: SeccompProfile,
  architecture: Architecture,
  number: number,
  args: readonly bigint[],
): number {
  const action = (name: string, errnoRet = EPERM) => (name === 'SCMP_ACT_ALLOW' ? ALLOW : errno(errnoRet));
  const called = [...syscallNumbers(architecture)].filter(([, one]) => one === number).map(([name]) => name);
  const rules = profile.syscalls.filter((rule) => rule.names.some((name) => called.includes(name)));
  const found =
    rules.find((rule) => (rule.args ?? []).length === 0) ?? rules.find((rule) => fits(rule, args));
  if (found !== undefined) return action(found.action, found.errnoRet);
  return number > NEWEST && called.length === 0 && profile.defaultAction !== 'SCMP_ACT_ALLOW'
    ? errno(ENOSYS)
    : action(profile.defaultAction, profile.defaultErrnoRet);
}

const argument = fc.oneof(
  fc.bigInt({ min: 0n, max: WORD }),
  fc.constantFrom(
    0n,
    1n,
    8n,
    40n,
    0x20000n,
    0x5412n,
    0x541cn,
    0x1_0000_5412n,
    0x10000000n,
    0xffffffffn,
    WORD,
  ),
  fc.bigInt({ min: 0n, max: 0x8000n }),
);
const calls = fc.tuple(
  fc.constantFrom(...names),
  fc.oneof(fc.nat(600), fc.constantFrom(983041, 983045, 983050, 0x3fffffff)),
  fc.array(argument, { minLength: 6, maxLength: 6 }),
);

describe('the program of a filter', () => {
  for (const machine of ['x64', 'arm64'] as const) {
    const own = names.filter((name) => /X/.test(name) === (machine === 'x64'));
    it.each([
      ['by default', DEFAULT_CAPABILITIES],
      ['with all capabilities', CAPABILITY_NAMES],
      ['with none', []],
    ])(`decides on ${machine} %s as the table does`, (_, capabilities) => {
      const profile = defaultSeccomp({ capabilities, architecture: machine });
      const program = filterProgram(profile, machine);
      fc.assert(
        fc.property(calls, ([architecture, number, args]) => {
          const { audit, offset } = ARCHITECTURES[architecture];
          const is = interpret(program, audit, number + offset, args);
          expect(is).toBe(own.includes(architecture) ? expected(profile, architecture, number, args) : KILL);
        }),
        { numRuns: RUNS },
      );
    });
  }

  it('decides as any profile does', () => {
    const ops = ['EQ', 'NE', 'LT', 'LE', 'GT', 'GE', 'MASKED_EQ'];
    const value = fc.oneof(fc.nat(0xffffffff), fc.constantFrom(0, 1, 2 ** 32, 2 ** 40 + 7, 2 ** 52));
    const comparison = fc.record({
      index: fc.nat(5),
      value,
      valueTwo: value,
      op: fc.constantFrom(...ops.map((op) => `SCMP_CMP_${op}`)),
    });
    const action = fc.constantFrom('SCMP_ACT_ALLOW', 'SCMP_ACT_ERRNO');
    const rule = fc.record({
      names: fc.array(fc.constantFrom('read', 'socket', 'ioctl', 'clone', 'mseal', 'nothing'), {
        minLength: 1,
      }),
      action,
      errnoRet: fc.nat(200),
      args: fc.array(comparison, { maxLength: 3 }),
    });
    const profile = fc.record({
      defaultAction: action,
      defaultErrnoRet: fc.nat(200),
      architectures: fc.subarray(names.slice(0, 3)),
      syscalls: fc.array(rule, { maxLength: 12 }),
    });
    fc.assert(
      fc.property(
        profile,
        fc.constantFrom(...names.slice(0, 3)),
        fc.constantFrom('read', 'socket', 'ioctl', 'clone', 'mseal', 'write'),
        fc.array(fc.oneof(value.map(BigInt), argument), { minLength: 6, maxLength: 6 }),
        (given, architecture, name, args) => {
          const program = filterProgram(given, 'x64');
          const { audit, offset } = ARCHITECTURES[architecture];
          const number = syscallNumbers(architecture).get(name)!;
          const listed: readonly string[] =
            given.architectures.length === 0 ? ['SCMP_ARCH_X86_64'] : given.architectures;
          expect(interpret(program, audit, number + offset, args)).toBe(
            listed.includes(architecture) ? expected(given, architecture, number, args) : KILL,
          );
        },
      ),
      { numRuns: Math.min(RUNS / 50, 2000) },
    );
  });

  it('refuses to type into a terminal, for any upper bits of the request', () => {
    const program = filterProgram(defaultSeccomp({ architecture: 'x64' }), 'x64');
    const ioctl = (request: bigint) => interpret(program, 0xc000003e, 16, [0n, request, 0n, 0n, 0n, 0n]);
    for (const request of [0x5412n, 0x541cn, 0xdead_0000_5412n, (1n << 63n) | 0x541cn])
      expect(ioctl(request)).toBe(errno(EPERM));
    for (const request of [0x5401n, 0x5413n, 0x541bn, 0x541dn, 0x541en, 0x80005412n])
      expect(ioctl(request)).toBe(ALLOW);
  });

  it('names an unsupported machine, and unknown parts of a profile', () => {
    const profile = defaultSeccomp({ architecture: 'x64' });
    expect(() => filterProgram(profile, 's390x')).toThrow(
      expect.objectContaining({ code: 'SECCOMP_PROFILE' }),
    );
    for (const wrong of [
      { ...profile, defaultAction: 'SCMP_ACT_NOTIFY' },
      {
        ...profile,
        syscalls: [{ names: ['read'], action: 'SCMP_ACT_ALLOW', args: [{ index: 0, value: 1, op: 'X' }] }],
      },
    ])
      expect(() => filterProgram(wrong, 'x64')).toThrow(expect.objectContaining({ code: 'SECCOMP_PROFILE' }));
  });

  it('has room for long lists of rules', () => {
    const many = Array.from({ length: 300 }, (_, value) => ({
      names: ['ioctl'],
      action: 'SCMP_ACT_ALLOW',
      args: [{ index: 1, value, op: 'SCMP_CMP_EQ' }],
    }));
    const profile = { defaultAction: 'SCMP_ACT_ERRNO', syscalls: many };
    const program = filterProgram(profile, 'x64');
    expect(interpret(program, 0xc000003e, 16, [0n, 299n, 0n, 0n, 0n, 0n])).toBe(ALLOW);
    expect(interpret(program, 0xc000003e, 16, [0n, 300n, 0n, 0n, 0n, 0n])).toBe(errno(EPERM));
    expect(() =>
      filterProgram({ ...profile, syscalls: [...many, ...many, ...many, ...many] }, 'x64'),
    ).toThrow(expect.objectContaining({ code: 'SECCOMP_PROFILE' }));
  });
});
