import { release } from 'node:os';
import { JettisonError } from '../errors/error.ts';
import { defaultSeccomp } from '../launch/seccomp-profile.ts';
import { kernelIsAtLeast } from '../machine/kernel.ts';
import type { SeccompProfile, SeccompRule } from '../protocol/exec-request.ts';

/** When a rule of a profile applies (`includes`), or does not (`excludes`). */
interface Condition {
  /** `CAP_SYS_ADMIN` … */
  caps?: string[];
  /** Go's names: `amd64` … */
  arches?: string[];
  /** `4.8` */
  minKernel?: string;
}

/** A profile in the format of Docker and Podman: one for all machines. */
interface PortableProfile {
  defaultAction: string;
  defaultErrnoRet?: number;
  architectures?: string[];
  archMap?: { architecture: string; subArchitectures?: string[] | null }[] | null;
  syscalls?: (Omit<SeccompRule, 'names'> & {
    name?: string;
    names?: string[];
    includes?: Condition;
    excludes?: Condition;
  })[];
}

/** The machine and the command that a profile is evaluated for. */
interface Subject {
  /** Names as in `capabilities.ts`. */
  capabilities: readonly string[];
  architecture: NodeJS.Architecture;
  kernel: string;
}

const ACTION = /^SCMP_ACT_[A-Z_]+$/;

/** Names of architectures in Go and in libseccomp. */
const ARCHITECTURES: Partial<Record<NodeJS.Architecture, { go: string; seccomp: string }>> = {
  x64: { go: 'amd64', seccomp: 'SCMP_ARCH_X86_64' },
  arm64: { go: 'arm64', seccomp: 'SCMP_ARCH_AARCH64' },
  ppc64: { go: 'ppc64le', seccomp: 'SCMP_ARCH_PPC64LE' },
  riscv64: { go: 'riscv64', seccomp: 'SCMP_ARCH_RISCV64' },
  s390x: { go: 's390x', seccomp: 'SCMP_ARCH_S390X' },
};

/** Docker's own profile, for a command with these capabilities. */
export function builtinProfile(capabilities: readonly string[]): SeccompProfile {
  return defaultSeccomp({ capabilities, tracing: kernelIsAtLeast(4, 8) });
}

/**
 * Parses a profile in Docker's format, and evaluates its conditions for this machine and these capabilities.
 *
 * @param path of the file, for messages
 * @throws JettisonError `SECCOMP_PROFILE` for an invalid profile
 */
export function readProfile(
  text: string,
  path: string,
  subject: Pick<Subject, 'capabilities'> & Partial<Subject>,
): SeccompProfile {
  const whole = { architecture: process.arch, kernel: release(), ...subject };
  let profile: PortableProfile;
  try {
    profile = JSON.parse(text) as PortableProfile;
  } catch (error) {
    throw wrong(path, (error as Error).message);
  }
  if (typeof profile?.defaultAction !== 'string' || !ACTION.test(profile.defaultAction)) {
    throw wrong(path, '"defaultAction" is missing or not an action like SCMP_ACT_ERRNO');
  }
  const { syscalls = [] } = profile;
  if (!Array.isArray(syscalls)) throw wrong(path, '"syscalls" is not a list');
  const architectures = architecturesOf(profile, whole);
  return {
    defaultAction: profile.defaultAction,
    ...(profile.defaultErrnoRet === undefined ? {} : { defaultErrnoRet: profile.defaultErrnoRet }),
    ...(architectures.length === 0 ? {} : { architectures }),
    syscalls: syscalls.flatMap(({ name, names, includes, excludes, action, args, errnoRet }, index) => {
      const called = names ?? (name === undefined ? [] : [name]);
      if (called.length === 0 || typeof action !== 'string' || !ACTION.test(action)) {
        throw wrong(path, `rule ${index + 1} of "syscalls" needs names and an action`);
      }
      if (!counts(whole, includes ?? {}, excludes ?? {})) return [];
      return [
        {
          names: called,
          action,
          ...(errnoRet === undefined ? {} : { errnoRet }),
          ...(args === undefined || args === null || args.length === 0 ? {} : { args }),
        },
      ];
    }),
  };
}

function architecturesOf({ architectures, archMap }: PortableProfile, { architecture }: Subject): string[] {
  const own = ARCHITECTURES[architecture]?.seccomp;
  const mapped = archMap?.find((entry) => entry.architecture === own);
  return mapped === undefined
    ? (architectures ?? [])
    : [mapped.architecture, ...(mapped.subArchitectures ?? [])];
}

function counts(subject: Subject, includes: Condition, excludes: Condition): boolean {
  const go = ARCHITECTURES[subject.architecture]?.go ?? '';
  const has = (cap: string) => subject.capabilities.includes(cap.replace(/^CAP_/, '').toLowerCase());
  const isNew = (version: string) => {
    const [major = 0, minor = 0] = version.split('.').map(Number);
    return kernelIsAtLeast(major, minor, subject.kernel);
  };
  if ((excludes.arches ?? []).includes(go) || (excludes.caps ?? []).some(has)) return false;
  if (excludes.minKernel !== undefined && isNew(excludes.minKernel)) return false;
  if (includes.arches !== undefined && includes.arches.length > 0 && !includes.arches.includes(go))
    return false;
  if (!(includes.caps ?? []).every(has)) return false;
  return includes.minKernel === undefined || isNew(includes.minKernel);
}

function wrong(path: string, why: string): JettisonError {
  return new JettisonError('SECCOMP_PROFILE', `invalid seccomp profile ${path}: ${why}`, {
    hint: 'Use a JSON profile in the format of Docker and Podman; seccomp=builtin is Docker’s own.',
  });
}
