import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Why a test that needs a program of its own is skipped. */
export const NO_COMPILER = 'gcc is not installed, or cannot link statically';

/** Compiles C with gcc. @returns the executable, undefined where it cannot be made */
export function compile(source: string, ...flags: string[]): Buffer | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'jettison-probe-'));
  try {
    const program = join(folder, 'program');
    writeFileSync(`${program}.c`, source);
    const { status } = spawnSync('gcc', [...flags, '-O1', '-o', program, `${program}.c`]);
    return status === 0 ? readFileSync(program) : undefined;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Tries system calls, and prints a line `name: outcome` for each. Their arguments are such that without a filter the
 * kernel finds fault with them otherwise than by EPERM, or does them.
 */
export const CALLS = `#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
static void say(const char *name, long result, int error) {
  printf("%s: %s\\n", name, result >= 0 ? "done" : strerrorname_np(error));
  fflush(stdout);
}
#define TRY(name, call) do { errno = 0; long result = (call); say(name, result, errno); } while (0)
#define TRY_APART(name, call) do { if (fork() == 0) { TRY(name, call); _exit(0); } wait(NULL); } while (0)
#ifdef __x86_64__
static long compat(long number, long first, long second) {
  long result;
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(first), "c"(second), "d"(0) : "memory", "r8", "r9", "r10", "r11");
  return (int)result;
}
static void none(int signal) { (void)signal; printf("i386: none\\n"); fflush(stdout); _exit(0); }
#endif
int main(void) {
  TRY("keyctl", syscall(SYS_keyctl, 0, -3, 0));
  TRY("add_key", syscall(SYS_add_key, "user", "probe", "text", 4, -3));
  TRY("request_key", syscall(SYS_request_key, "user", "probe", 0, 0));
  TRY("bpf", syscall(SYS_bpf, 0, 0, 0));
  TRY("clone3", syscall(SYS_clone3, 0, 0));
  TRY("mount", syscall(SYS_mount, 0, 0, 0, 0, 0));
  TRY_APART("unshare", unshare(CLONE_NEWUSER));
  TRY("ioctl TIOCSTI", ioctl(0, TIOCSTI, "x"));
  TRY("ioctl TIOCLINUX", ioctl(0, 0x541c, "x"));
  TRY("ioctl TIOCSTI with upper bits", syscall(SYS_ioctl, 0, 0x100000000UL | TIOCSTI, "x"));
#ifdef __x86_64__
  TRY_APART("x32 unshare", syscall(0x40000000 + SYS_unshare, CLONE_NEWUSER));
  if (fork() == 0) {
    signal(SIGSEGV, none);
    long result = compat(20, 0, 0);
    say("i386 getpid", result, -result);
    result = compat(288, 0, -3);
    say("i386 keyctl", result, -result);
    result = compat(54, 0, TIOCSTI);
    say("i386 ioctl TIOCSTI", result, -result);
    result = compat(310, CLONE_NEWUSER, 0);
    say("i386 unshare", result, -result);
    _exit(0);
  }
  wait(NULL);
#endif
  return 0;
}
`;
