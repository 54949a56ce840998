import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { canFilter } from '../../src/launch/filter-program.ts';
import { makeTar } from '../support/images.ts';
import { CALLS, compile, NO_COMPILER } from '../support/probe.ts';
import { openSandbox, TestSandbox, WORKER_MODES } from '../support/sandbox.ts';
import { sample } from '../support/thorough.ts';

const probe = compile(CALLS, '-static');

/** The outcome of each call that `CALLS` tries. */
const outcomes = (text: string) =>
  Object.fromEntries(text.split('\n').map((line) => line.split(': ') as [string, string]));

/** As Docker's default profile refuses them. */
const REFUSED = {
  ...{ keyctl: 'EPERM', add_key: 'EPERM', request_key: 'EPERM', bpf: 'EPERM', clone3: 'ENOSYS' },
  ...{ mount: 'EPERM', unshare: 'EPERM', 'ioctl TIOCSTI': 'EPERM', 'ioctl TIOCLINUX': 'EPERM' },
  'ioctl TIOCSTI with upper bits': 'EPERM',
};
const REFUSED_I386 = {
  ...{ 'i386 getpid': 'done', 'i386 keyctl': 'EPERM', 'i386 ioctl TIOCSTI': 'EPERM' },
  'i386 unshare': 'EPERM',
};

const PROBE_LAYER = () => makeTar([[{ path: 'probe', mode: 0o755 }, probe!]]);

const isRoot = process.getuid?.() === 0;

for (const { name, options } of sample(WORKER_MODES, 2)) {
  describe.each(isRoot ? ['root', 'single'] : ['single'])(
    `a command on ${name}, isolation %s`,
    (isolation) => {
      let sandbox: TestSandbox | string;

      beforeAll(async () => {
        sandbox = await openSandbox({ ...options, ...(isolation === 'single' ? { isolation } : {}) });
      });
      afterAll(async () => {
        if (sandbox instanceof TestSandbox) await sandbox.close();
      });
      beforeEach((ctx) => {
        if (typeof sandbox === 'string') ctx.skip(sandbox);
        if (!canFilter()) ctx.skip('there is no table of this machine’s system calls');
      });

      const status = async (how: Parameters<TestSandbox['text']>[1] = {}) => {
        const text = await (sandbox as TestSandbox).text('cat /proc/self/status', how);
        return Object.fromEntries(text.split('\n').map((line) => line.split(/:\s*/) as [string, string]));
      };

      it('has a filter, and may become another user', async () => {
        expect(await status()).toMatchObject({ Seccomp: '2', NoNewPrivs: '0', CapInh: '0000000000000000' });
        if (isolation === 'root') {
          expect(await status({ user: '1000' })).toMatchObject({
            ...{ Seccomp: '2', NoNewPrivs: '0' },
            ...{ CapEff: '0000000000000000', CapPrm: '0000000000000000' },
          });
        }
        expect(await status({ noNewPrivileges: true, capabilities: ['chown'] })).toMatchObject({
          ...{ Seccomp: '2', NoNewPrivs: '1' },
          ...{ CapEff: '0000000000000001', CapBnd: '0000000000000001' },
        });
      });

      it('has none where none is wanted', async () => {
        expect(await status({ seccomp: 'unconfined' })).toMatchObject({ Seccomp: '0' });
      });

      it('cannot make namespaces or mounts', async () => {
        const { stdout } = await (sandbox as TestSandbox).run(
          'unshare -U true 2>&1; unshare -m true 2>&1; mount -t tmpfs t /tmp 2>&1; hostname x 2>&1',
        );
        expect(stdout.match(/not permitted|denied/gi)).toHaveLength(4);
      });

      describe('that makes system calls directly', () => {
        const calls = async (how: Parameters<TestSandbox['run']>[1] = {}) => {
          const { base } = sandbox as TestSandbox;
          const layers = [base, await (sandbox as TestSandbox).addLayer('probe', PROBE_LAYER())];
          return outcomes(await (sandbox as TestSandbox).text(['/probe'], { layers, ...how }));
        };
        beforeEach((ctx) => {
          if (probe === undefined) ctx.skip(NO_COMPILER);
        });

        it('is refused the same calls as in Docker, as root and as a user', async () => {
          const users = isolation === 'root' ? ['', '1000'] : [''];
          for (const user of users) expect(await calls({ user })).toMatchObject(REFUSED);
          expect(await calls({ noNewPrivileges: true, capabilities: [] })).toMatchObject(REFUSED);
        });

        it('is refused it by the entries of other architectures, too', async (ctx) => {
          if (process.arch !== 'x64') ctx.skip('only x86-64 has other entries that are tried here');
          const found = await calls();
          expect(found['x32 unshare']).toMatch(/^(EPERM|ENOSYS)$/);
          if (found['i386'] === 'none') ctx.skip('this kernel has no 32-bit system calls');
          expect(found).toMatchObject(REFUSED_I386);
        });

        it('is refused none of it by a filter where none is wanted', async (ctx) => {
          if (!/^Seccomp:\t0$/m.test(readFileSync('/proc/self/status', 'utf8')))
            ctx.skip('what runs this test is filtered itself');
          const found = await calls({ seccomp: 'unconfined' });
          expect(found).toMatchObject({ clone3: 'EINVAL', mount: 'EFAULT', 'ioctl TIOCSTI': 'ENOTTY' });
        });
      });

      it('obeys a profile of its own, which need not allow more than that takes', async () => {
        const allowed =
          'read write close execve brk mmap munmap mprotect exit exit_group openat open fstat stat'.split(
            ' ',
          );
        const more =
          'arch_prctl set_tid_address set_robust_list rseq prlimit64 getrandom readlink getuid'.split(' ');
        const seccomp = {
          defaultAction: 'SCMP_ACT_ERRNO',
          syscalls: [{ names: [...allowed, ...more], action: 'SCMP_ACT_ALLOW' }],
        };
        if (name === 'namespaces') {
          const how = { seccomp, ...(isolation === 'root' ? { user: '1000' } : {}) };
          expect(await (sandbox as TestSandbox).text(['/bin/busybox', 'echo', 'ran'], how)).toBe('ran');
        }
        const refuse = { names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet: 28 };
        const { stdout } = await (sandbox as TestSandbox).run('mkdir /tmp/x 2>&1', {
          seccomp: { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [refuse] },
        });
        expect(stdout).toContain('No space left on device');
      });

      it('sees no program of the machine as itself, or as the one above it', async () => {
        const { stdout } = await (sandbox as TestSandbox).run('readlink /proc/1/exe /proc/self/exe');
        for (const line of stdout.trim().split('\n')) expect(line).toMatch(/^(\/bin\/busybox)?$/);
      });
    },
  );
}
