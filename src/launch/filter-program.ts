import { existsSync } from 'node:fs';
import { JettisonError } from '../errors/error.ts';
import { kernelIsAtLeast } from '../machine/kernel.ts';
import type { SeccompProfile, SeccompRule } from '../protocol/exec-request.ts';
import { type FilteredArchitecture, NEWEST_CALL, syscallNumbers } from './syscall-numbers.ts';

/** One instruction of classic BPF, `struct sock_filter`. Jumps count instructions after the next one. */
interface Instruction {
  code: number;
  jt: number;
  jf: number;
  k: number;
}

/** BPF_LD|BPF_W|BPF_ABS, BPF_ALU|BPF_AND|BPF_K, BPF_RET|BPF_K, and jumps: always, if equal, greater, not less. */
const LOAD = 0x20;
const AND = 0x54;
const RETURN = 0x06;
const JUMP = 0x05;
const IF_EQUAL = 0x15;
const IF_GREATER = 0x25;
const IF_NOT_LESS = 0x35;

/** Offsets in `struct seccomp_data`. */
const NUMBER = 0;
const ARCHITECTURE = 4;
const ARGUMENTS = 16;

const FARTHEST = 255;
/** The kernel's limit for one filter, in instructions. */
const MAX_INSTRUCTIONS = 4096;
const INSTRUCTION_BYTES = 8;

/** AUDIT_ARCH_… of linux/audit.h. x32 has that of x86-64, and a bit in its numbers. */
const AUDIT: Readonly<Record<FilteredArchitecture, number>> = {
  SCMP_ARCH_X86_64: 0xc000003e,
  SCMP_ARCH_X32: 0xc000003e,
  SCMP_ARCH_X86: 0x40000003,
  SCMP_ARCH_AARCH64: 0xc00000b7,
  SCMP_ARCH_ARM: 0x40000028,
};
const X32 = 'SCMP_ARCH_X32';
const X32_BIT = 0x40000000;

/** The architecture of a machine's own programs. */
const NATIVE: Partial<Record<NodeJS.Architecture, FilteredArchitecture>> = {
  x64: 'SCMP_ARCH_X86_64',
  arm64: 'SCMP_ARCH_AARCH64',
};

/** SECCOMP_RET_…; the lower 16 bits of some are an errno. */
const ACTIONS: Readonly<Record<string, number>> = {
  SCMP_ACT_KILL: 0,
  SCMP_ACT_KILL_THREAD: 0,
  SCMP_ACT_TRAP: 0x00030000,
  SCMP_ACT_ERRNO: 0x00050000,
  SCMP_ACT_TRACE: 0x7ff00000,
  SCMP_ACT_LOG: 0x7ffc0000,
  SCMP_ACT_ALLOW: 0x7fff0000,
  SCMP_ACT_KILL_PROCESS: 0x80000000,
};
const KILL = 0;
const EPERM = 1;
const ENOSYS = 38;

/** Exists where the kernel has filters, from Linux 4.14 on. */
const KERNEL_ACTIONS = '/proc/sys/kernel/seccomp/actions_avail';

const SECCOMP_FILTER_FLAG_SPEC_ALLOW = 4;

/** Flags of seccomp(2), like those of runtimes: before Linux 5.16 filtered processes are slower without this one. */
export function filterFlags(): number {
  return kernelIsAtLeast(4, 17) ? SECCOMP_FILTER_FLAG_SPEC_ALLOW : 0;
}

/** Why no filter can be set on this machine; undefined if one can. */
export function whyNoFilter(): string | undefined {
  if (!canFilter()) return `there is no table of the system calls of ${process.arch}`;
  return existsSync(KERNEL_ACTIONS) ? undefined : 'the kernel has no seccomp filters';
}

/** Whether filters can be made for an architecture. */
export function canFilter(architecture: NodeJS.Architecture = process.arch): boolean {
  return NATIVE[architecture] !== undefined;
}

/**
 * Compiles a profile to classic BPF for seccomp(2): the bytes of an array of `struct sock_filter`.
 *
 * The semantics are libseccomp's. If a call has a rule without arguments, only that one applies, else the first whose
 * arguments match. Names that an architecture lacks are ignored. As in runc, calls newer than the table of numbers fail
 * with ENOSYS if the default is an error, so that C libraries fall back to older calls. A program of an architecture
 * that is not listed is killed.
 *
 * @param architecture of the machine: used if the profile lists none
 * @throws JettisonError `SECCOMP_PROFILE` for actions, comparisons and architectures that cannot be filtered here
 */
export function filterProgram(
  profile: SeccompProfile,
  architecture: NodeJS.Architecture = process.arch,
): Buffer {
  const known = architecture === process.arch ? programs.get(profile) : undefined;
  if (known !== undefined) return known;
  const program = assemble(profile, architecture);
  if (architecture === process.arch) programs.set(profile, program);
  return program;
}

/** Compiled profiles. Profile objects never change, and most commands of a build have the same one. */
const programs = new WeakMap<SeccompProfile, Buffer>();

function assemble(profile: SeccompProfile, architecture: NodeJS.Architecture): Buffer {
  const native = NATIVE[architecture];
  if (native === undefined) throw unable(`there is no table of the calls of ${architecture}`);
  const listed = (profile.architectures ?? []).filter((name): name is FilteredArchitecture => name in AUDIT);
  const all = listed.length === 0 ? [native] : listed;
  let rest = [give(KILL)];
  for (const number of new Set(all.map((name) => AUDIT[name]))) {
    const names = all.filter((name) => AUDIT[name] === number);
    const [own, x32] = [names.find((name) => name !== X32), names.find((name) => name === X32)].map((name) =>
      name === undefined ? [give(KILL)] : decide(profile, name),
    );
    const block = [
      load(NUMBER),
      ...(number === AUDIT[X32] ? choose(IF_NOT_LESS, X32_BIT, x32!, own!) : own!),
    ];
    rest = choose(IF_EQUAL, number, block, rest);
  }
  const program = [load(ARCHITECTURE), ...rest];
  if (program.length > MAX_INSTRUCTIONS) throw unable('it has too many rules');
  const bytes = Buffer.alloc(program.length * INSTRUCTION_BYTES);
  for (const [index, { code, jt, jf, k }] of program.entries()) {
    const at = index * INSTRUCTION_BYTES;
    bytes.writeUInt16LE(code, at);
    bytes.writeUInt8(jt, at + 2);
    bytes.writeUInt8(jf, at + 3);
    bytes.writeUInt32LE(k >>> 0, at + 4);
  }
  return bytes;
}

/** The action for all calls from a number on. */
interface Range {
  start: number;
  rules: SeccompRule[];
  /** The action when no rule matches. */
  otherwise: number;
}

/** Instructions that end with an action for a call of one architecture; its number has been loaded. */
function decide(profile: SeccompProfile, architecture: FilteredArchitecture): Instruction[] {
  const offset = architecture === X32 ? X32_BIT : 0;
  const numbers = syscallNumbers(architecture);
  const rules = new Map<number, SeccompRule[]>();
  for (const rule of profile.syscalls) {
    for (const name of rule.names) {
      const number = numbers.get(name);
      if (number !== undefined) rules.set(number, [...(rules.get(number) ?? []), rule]);
    }
  }
  const fallback = actionOf(profile.defaultAction, profile.defaultErrnoRet);
  const unknown = /ERRNO|KILL|TRAP/.test(profile.defaultAction)
    ? actionOf('SCMP_ACT_ERRNO', ENOSYS)
    : fallback;
  // Calls of only one architecture can have higher numbers than the common ones.
  const known = new Set(numbers.values());
  const otherwise = (number: number) => (number <= NEWEST_CALL || known.has(number) ? fallback : unknown);
  const ranges: Range[] = [{ start: 0, rules: [], otherwise: fallback }];
  const add = (range: Range) => {
    const last = ranges.at(-1)!;
    if (last.start === range.start) ranges.pop();
    const before = ranges.at(-1);
    if (before === undefined || !isSame(before, range)) ranges.push(range);
  };
  const bounds = new Set([...numbers.values()].flatMap((number) => [number, number + 1]));
  bounds.add(NEWEST_CALL + 1);
  for (const number of [...bounds].sort((a, b) => a - b)) {
    const found = rules.get(number) ?? [];
    const always = found.find(({ args }) => args === undefined || args.length === 0);
    add({ start: number, rules: always === undefined ? found : [always], otherwise: otherwise(number) });
  }
  return search(ranges, offset);
}

/** Whether two ranges can be one. */
function isSame(a: Range, b: Range): boolean {
  const [left, right] = [a, b].map(({ rules, otherwise }) =>
    rules.length === 0
      ? otherwise
      : rules.length === 1 && (rules[0]!.args ?? []).length === 0
        ? actionOf(rules[0]!.action, rules[0]!.errnoRet)
        : rules,
  );
  return left === right;
}

/** Finds a number's range by bisection. */
function search(ranges: readonly Range[], offset: number): Instruction[] {
  if (ranges.length === 1) return judge(ranges[0]!);
  const middle = ranges.length >> 1;
  return choose(
    IF_NOT_LESS,
    ranges[middle]!.start + offset,
    search(ranges.slice(middle), offset),
    search(ranges.slice(0, middle), offset),
  );
}

/** Tries rules in their order. */
function judge({ rules, otherwise }: Range): Instruction[] {
  const tries = rules.map(({ action, errnoRet, args = [] }) => {
    const rule = [give(actionOf(action, errnoRet))];
    for (const argument of args.toReversed()) rule.unshift(...compare(argument, rule.length));
    return rule;
  });
  return [...tries.flat(), give(otherwise)];
}

type Comparison = NonNullable<SeccompRule['args']>[number];

const LOW = 0xffffffffn;
const ALL = 0xffffffffffffffffn;

/**
 * Continues with the next instruction if a 64-bit argument satisfies the comparison.
 *
 * @param skip number of instructions after these to skip if it does not
 */
function compare({ index, value, valueTwo = 0, op }: Comparison, skip: number): Instruction[] {
  const low = ARGUMENTS + index * 8;
  const high = low + 4;
  const [top, bottom] = halves(BigInt(value));
  const greater = (last: number) => [
    load(high),
    jump(IF_GREATER, top, 3, 0),
    jump(IF_EQUAL, top, 0, skip + 2),
    load(low),
    jump(last, bottom, 0, skip),
  ];
  const notGreater = (last: number) => [
    load(high),
    jump(IF_GREATER, top, skip + 3, 0),
    jump(IF_EQUAL, top, 0, 2),
    load(low),
    jump(last, bottom, skip, 0),
  ];
  switch (op) {
    case 'SCMP_CMP_EQ':
      return [load(high), jump(IF_EQUAL, top, 0, skip + 2), load(low), jump(IF_EQUAL, bottom, 0, skip)];
    case 'SCMP_CMP_NE':
      return [load(high), jump(IF_EQUAL, top, 0, 2), load(low), jump(IF_EQUAL, bottom, skip, 0)];
    case 'SCMP_CMP_GT':
      return greater(IF_GREATER);
    case 'SCMP_CMP_GE':
      return greater(IF_NOT_LESS);
    case 'SCMP_CMP_LE':
      return notGreater(IF_GREATER);
    case 'SCMP_CMP_LT':
      return notGreater(IF_NOT_LESS);
    case 'SCMP_CMP_MASKED_EQ': {
      // Here `value` is the mask.
      const [dataTop, dataBottom] = halves(BigInt(valueTwo) & BigInt(value));
      const lower = bottom === 0 ? [] : masked(low, bottom, dataBottom, skip);
      const upper = top === 0 ? [] : masked(high, top, dataTop, skip + lower.length);
      return [...upper, ...lower];
    }
    default:
      throw unable(`the comparison ${op} is not known`);
  }
}

function masked(at: number, mask: number, data: number, skip: number): Instruction[] {
  return [load(at), { code: AND, jt: 0, jf: 0, k: mask }, jump(IF_EQUAL, data, 0, skip)];
}

/** The upper and the lower 32 bits. */
function halves(number: bigint): [upper: number, lower: number] {
  return [Number((number & ALL) >> 32n), Number(number & LOW)];
}

function actionOf(name: string, errno = EPERM): number {
  const action = ACTIONS[name];
  if (action === undefined) throw unable(`the action ${name} is not known`);
  return name === 'SCMP_ACT_ERRNO' || name === 'SCMP_ACT_TRACE' ? action | (errno & 0xffff) : action;
}

function load(offset: number): Instruction {
  return { code: LOAD, jt: 0, jf: 0, k: offset };
}

function jump(code: number, k: number, jt: number, jf: number): Instruction {
  return { code, jt, jf, k };
}

function give(action: number): Instruction {
  return { code: RETURN, jt: 0, jf: 0, k: action };
}

/** A conditional jump. If it is too far for 8 bits, an unconditional jump is added. */
function choose(code: number, k: number, yes: Instruction[], no: Instruction[]): Instruction[] {
  return no.length <= FARTHEST
    ? [{ code, jt: no.length, jf: 0, k }, ...no, ...yes]
    : [{ code, jt: 0, jf: 1, k }, { code: JUMP, jt: 0, jf: 0, k: no.length }, ...no, ...yes];
}

function unable(why: string): JettisonError {
  return new JettisonError('SECCOMP_PROFILE', `the seccomp profile cannot be used: ${why}`, {
    hint: 'Leave seccomp= out for Docker’s own profile.',
  });
}
