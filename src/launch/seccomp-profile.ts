import { kernelIsAtLeast } from '../machine/kernel.ts';
import type { SeccompProfile, SeccompRule } from '../protocol/exec-request.ts';
import { DEFAULT_CAPABILITIES } from './capabilities.ts';

const ALLOW = 'SCMP_ACT_ALLOW';
const REFUSE = 'SCMP_ACT_ERRNO';
const EPERM = 1;
const ENOSYS = 38;

/** System calls that Docker allows in every container; a runtime ignores names that its kernel lacks. */
const EVERYBODY = (
  '_llseek _newselect accept accept4 access adjtimex alarm bind brk cachestat capget capset chdir chmod ' +
  'chown chown32 clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime ' +
  'clock_gettime64 clock_nanosleep clock_nanosleep_time64 close close_range connect copy_file_range ' +
  'creat dup dup2 dup3 epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 ' +
  'epoll_wait epoll_wait_old eventfd eventfd2 execve execveat exit exit_group faccessat faccessat2 ' +
  'fadvise64 fadvise64_64 fallocate fanotify_mark fchdir fchmod fchmodat fchmodat2 fchown fchown32 ' +
  'fchownat fcntl fcntl64 fdatasync fgetxattr flistxattr flock fork fremovexattr fsetxattr fstat ' +
  'fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futex futex_requeue futex_time64 ' +
  'futex_wait futex_waitv futex_wake futimesat get_robust_list get_thread_area getcpu getcwd getdents ' +
  'getdents64 getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getitimer ' +
  'getpeername getpgid getpgrp getpid getppid getpriority getrandom getresgid getresgid32 getresuid ' +
  'getresuid32 getrlimit getrusage getsid getsockname getsockopt gettid gettimeofday getuid getuid32 ' +
  'getxattr getxattrat inotify_add_watch inotify_init inotify_init1 inotify_rm_watch io_cancel ' +
  'io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit ioprio_get ' +
  'ioprio_set ipc kill landlock_add_rule landlock_create_ruleset landlock_restrict_self lchown lchown32 ' +
  'lgetxattr link linkat listen listmount listxattr listxattrat llistxattr lremovexattr lseek lsetxattr ' +
  'lstat lstat64 madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mkdir mkdirat ' +
  'mknod mknodat mlock mlock2 mlockall mmap mmap2 mprotect mq_getsetattr mq_notify mq_open ' +
  'mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink mremap mseal ' +
  'msgctl msgget msgrcv msgsnd msync munlock munlockall munmap name_to_handle_at nanosleep newfstatat ' +
  'open openat openat2 pause pidfd_open pidfd_send_signal pipe pipe2 pkey_alloc pkey_free pkey_mprotect ' +
  'poll ppoll ppoll_time64 prctl pread64 preadv preadv2 prlimit64 process_mrelease pselect6 ' +
  'pselect6_time64 pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv recv recvfrom ' +
  'recvmmsg recvmmsg_time64 recvmsg remap_file_pages removexattr removexattrat rename renameat ' +
  'renameat2 restart_syscall riscv_hwprobe rmdir rseq rt_sigaction rt_sigpending rt_sigprocmask ' +
  'rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo ' +
  'sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr sched_getparam ' +
  'sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity ' +
  'sched_setattr sched_setparam sched_setscheduler sched_yield seccomp select semctl semget semop ' +
  'semtimedop semtimedop_time64 send sendfile sendfile64 sendmmsg sendmsg sendto set_robust_list ' +
  'set_thread_area set_tid_address setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups ' +
  'setgroups32 setitimer setpgid setpriority setregid setregid32 setresgid setresgid32 setresuid ' +
  'setresuid32 setreuid setreuid32 setrlimit setsid setsockopt setuid setuid32 setxattr setxattrat ' +
  'shmat shmctl shmdt shmget shutdown sigaltstack signalfd signalfd4 sigprocmask sigreturn socketcall ' +
  'socketpair splice stat stat64 statfs statfs64 statmount statx symlink symlinkat sync sync_file_range ' +
  'syncfs sysinfo tee tgkill time timer_create timer_delete timer_getoverrun timer_gettime ' +
  'timer_gettime64 timer_settime timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64 ' +
  'timerfd_settime timerfd_settime64 times tkill truncate truncate64 ugetrlimit umask uname unlink ' +
  'unlinkat uretprobe utime utimensat utimensat_time64 utimes vfork vmsplice wait4 waitid waitpid write ' +
  'writev'
).split(' ');

/** Further calls, by the capability that allows them. */
const BY_CAPABILITY: Record<string, string> = {
  dac_read_search: 'open_by_handle_at',
  sys_admin:
    'bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie mount mount_setattr move_mount ' +
    'open_tree perf_event_open quotactl quotactl_fd setdomainname sethostname setns syslog umount umount2 unshare',
  sys_boot: 'reboot',
  sys_chroot: 'chroot',
  sys_module: 'delete_module finit_module init_module',
  sys_pacct: 'acct',
  sys_ptrace: 'kcmp pidfd_getfd process_madvise',
  sys_rawio: 'ioperm iopl',
  sys_time: 'clock_settime clock_settime64 settimeofday stime',
  sys_tty_config: 'vhangup',
  sys_nice: 'get_mempolicy mbind set_mempolicy set_mempolicy_home_node',
  syslog: 'syslog',
  bpf: 'bpf',
  perfmon: 'perf_event_open',
};

/** Harmless personalities: the default, BSD's, both with 32-bit addresses, and the query. */
const PERSONALITIES = [0x0, 0x8, 0x20000, 0x20008, 0xffffffff];

const VSOCK = 40;
/** Requests of ioctl(2) that put input into a terminal: TIOCSTI, and TIOCLINUX, which pastes. */
const TYPING = [0x5412, 0x541c];
const REQUEST_BITS = 32;
/** All flags of clone(2) that make a namespace, but not CLONE_NEWTIME, which clone cannot have. */
const NEW_NAMESPACES = 0x7e020000;

const ARCHITECTURES: Partial<Record<NodeJS.Architecture, { architectures: string[]; calls: string[] }>> = {
  x64: {
    architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
    calls: ['arch_prctl', 'modify_ldt'],
  },
  arm64: {
    architectures: ['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM'],
    calls: 'arm_fadvise64_64 arm_sync_file_range breakpoint cacheflush set_tls sync_file_range2'.split(' '),
  },
  ppc64: { architectures: ['SCMP_ARCH_PPC64LE'], calls: ['sync_file_range2', 'swapcontext'] },
  riscv64: { architectures: ['SCMP_ARCH_RISCV64'], calls: ['riscv_flush_icache'] },
  s390x: {
    architectures: ['SCMP_ARCH_S390X', 'SCMP_ARCH_S390'],
    calls: ['s390_pci_mmio_read', 's390_pci_mmio_write', 's390_runtime_instr'],
  },
};

/**
 * Docker's default filter, for a command with these capabilities. Calls that are not listed fail with EPERM. clone3,
 * whose flags a filter cannot read, fails with ENOSYS, so that C libraries fall back to clone. Beyond Docker's filter, a
 * command cannot put input into its terminal.
 *
 * @param options.capabilities names as in `capabilities.ts`
 * @param options.tracing whether the kernel is 4.8 or newer, where ptrace cannot bypass filters
 */
export function defaultSeccomp(
  options: { capabilities?: readonly string[]; architecture?: NodeJS.Architecture; tracing?: boolean } = {},
): SeccompProfile {
  const { capabilities = DEFAULT_CAPABILITIES, architecture = process.arch, tracing = true } = options;
  const own = ARCHITECTURES[architecture] ?? { architectures: [], calls: [] };
  const granted = capabilities.flatMap((name) => BY_CAPABILITY[name]?.split(' ') ?? []);
  const traces = 'process_vm_readv process_vm_writev ptrace'.split(' ');
  const names = [
    ...EVERYBODY,
    ...(tracing || capabilities.includes('sys_ptrace') ? traces : []),
    ...own.calls,
    ...granted,
  ];
  const rules: SeccompRule[] = [
    { names: [...new Set(names)].sort(), action: ALLOW },
    { names: ['socket'], action: ALLOW, args: [{ index: 0, value: VSOCK, op: 'SCMP_CMP_NE' }] },
    ...PERSONALITIES.map((value) => ({
      names: ['personality'],
      action: ALLOW,
      args: [{ index: 0, value, op: 'SCMP_CMP_EQ' }],
    })),
  ];
  rules.push(...ioctlRules());
  if (!capabilities.includes('sys_admin')) {
    rules.push(
      {
        names: ['clone'],
        action: ALLOW,
        // On s390 the first two arguments are swapped.
        args: [
          {
            index: architecture === 's390x' ? 1 : 0,
            value: NEW_NAMESPACES,
            valueTwo: 0,
            op: 'SCMP_CMP_MASKED_EQ',
          },
        ],
      },
      { names: ['clone3'], action: REFUSE, errnoRet: ENOSYS },
    );
  }
  return {
    defaultAction: REFUSE,
    defaultErrnoRet: EPERM,
    ...(own.architectures.length === 0 ? {} : { architectures: own.architectures }),
    syscalls: rules,
  };
}

/**
 * Allows all requests of ioctl(2) except `TYPING`. The kernel uses the lower 32 bits, so a "not equal" of 64 bits could
 * be bypassed. Each rule allows the requests that differ from both in one bit, or in the bits in which these two differ.
 */
function ioctlRules(): SeccompRule[] {
  const allow = (mask: number, data: number): SeccompRule => ({
    names: ['ioctl'],
    action: ALLOW,
    args: [{ index: 1, value: mask, valueTwo: data, op: 'SCMP_CMP_MASKED_EQ' }],
  });
  const [first = 0, second = 0] = TYPING;
  const different = first ^ second;
  const rules: SeccompRule[] = [];
  for (let bit = 0; bit < REQUEST_BITS; bit++) {
    const mask = 2 ** bit;
    if ((different & mask) === 0) rules.push(allow(mask, (first & mask) === 0 ? mask : 0));
  }
  for (let data = 0; data <= different; data++) {
    const isForeign = TYPING.every((request) => (request & different) !== data);
    if ((data & ~different) === 0 && isForeign) rules.push(allow(different, data));
  }
  return rules;
}

/**
 * The filter of a command: the requested one, else the default.
 *
 * @returns undefined for none
 */
export function chosenSeccomp({
  unmasked,
  capabilities,
  seccomp,
}: {
  unmasked?: boolean;
  capabilities?: readonly string[];
  seccomp?: SeccompProfile | 'unconfined';
}): SeccompProfile | undefined {
  if (unmasked || seccomp === 'unconfined') return undefined;
  if (seccomp !== undefined) return seccomp;
  const key = capabilities?.join(',');
  let profile = defaults.get(key);
  if (profile === undefined) {
    profile = defaultSeccomp({ ...(capabilities && { capabilities }), tracing: kernelIsAtLeast(4, 8) });
    defaults.set(key, profile);
  }
  return profile;
}

/** Default profiles by the names of capabilities: always the same object, since compiled filters are cached by it. */
const defaults = new Map<string | undefined, SeccompProfile>();

/** Whether a profile is a default one of `chosenSeccomp`. */
export function hasDefaultFilter(profile: SeccompProfile): boolean {
  return [...defaults.values()].includes(profile);
}
