import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { JettisonError } from '../../src/errors/error.ts';
import { openSandbox, type TestSandbox, WORKER_MODES } from '../support/sandbox.ts';
import { sample } from '../support/thorough.ts';

describe.each(sample(WORKER_MODES, 2))('$name', ({ name, options }) => {
  let sandbox: TestSandbox;
  let why: string | undefined;

  beforeAll(async () => {
    const opened = await openSandbox(options);
    if (typeof opened === 'string') why = opened;
    else sandbox = opened;
  });
  afterAll(() => sandbox?.close());
  beforeEach((ctx) => {
    if (why !== undefined) ctx.skip(why);
  });

  const lines = (text: string) => text.split('\n').sort();

  describe("a command's environment", () => {
    it('gives back output, errors and the exit code', async () => {
      const ran = await sandbox.run('echo out; echo err >&2; exit 7');
      expect(ran).toEqual({ exitCode: 7, stdout: 'out\n', stderr: 'err\n' });
    });

    // As process 1 a command gets no signal that it does not ask for: as in other containers.
    if (name === 'namespaces') {
      it('says 128 + n of a command that signal n ended, without a word of its own', async () => {
        expect(await sandbox.run('kill -SEGV $$')).toEqual({ exitCode: 139, stdout: '', stderr: '' });
        expect((await sandbox.run('kill -KILL $$')).exitCode).toBe(137);
      });
    }

    it('sets exactly the variables asked for, HOME and PATH', async () => {
      const env = ['A=1', 'A=2', 'EMPTY=', 'TWO=x\ny', 'a.b-c=odd'];
      expect(lines(await sandbox.text(['/bin/env'], { env }))).toEqual(
        lines('A=2\nEMPTY=\nHOME=/root\nPATH=/bin\nTWO=x\ny\na.b-c=odd'),
      );
      const home = await sandbox.text(['/bin/env'], { env: ['HOME=/q', 'PATH=/x'] });
      expect(lines(home)).toEqual(['HOME=/q', 'PATH=/x']);
    });

    it('hands over variables that the machine’s own loader must not obey', async () => {
      const env = [
        'LD_PRELOAD=./evil.so',
        'LD_LIBRARY_PATH=.',
        'LC_ALL=../../x',
        'LANG=C.UTF-8',
        'GCONV_PATH=.',
      ];
      const { stdout, stderr } = await sandbox.run(['/bin/env'], { env });
      expect(lines(stdout.trimEnd())).toEqual(lines([...env, 'HOME=/root', 'PATH=/bin'].join('\n')));
      expect(stderr).toBe('');
    });

    it('starts in the working directory', async () => {
      expect(await sandbox.text('pwd', { cwd: '/home/node' })).toBe('/home/node');
      expect(await sandbox.text(['./busybox', 'pwd'], { cwd: '/bin' })).toBe('/bin');
    });

    it('gives it text as standard input, or none', async () => {
      expect(await sandbox.text('cat', { stdin: 'one\ntwo' })).toBe('one\ntwo');
      expect(await sandbox.text('cat')).toBe('');
      expect(await sandbox.text('true', { stdin: 'x'.repeat(1 << 20) })).toBe('');
    });

    it('lets every user open /dev/stdout and /dev/stderr', async () => {
      const ran = await sandbox.run('echo one >/dev/stdout; echo two >/dev/stderr', { user: 'node' });
      expect(ran).toEqual({ exitCode: 0, stdout: 'one\n', stderr: 'two\n' });
    });

    it('streams large output completely', async () => {
      const { stdout } = await sandbox.run('head -c 5000000 /dev/zero | tr "\\0" x; echo; seq 100000');
      expect(stdout.length).toBe(5_000_001 + 588_895);
      expect(stdout.endsWith('\n100000\n')).toBe(true);
    });

    it('hands no file of this machine on', async () => {
      // The fourth is the directory that is being listed.
      expect(await sandbox.text(['/bin/ls', '/proc/self/fd'])).toBe('0\n1\n2\n3');
    });

    it('has the umask, host name and hosts of a build container', async () => {
      expect(await sandbox.text('umask; hostname; cat /etc/hosts')).toBe(
        '0022\nbuildkitsandbox\n127.0.0.1\tlocalhost buildkitsandbox\n::1\tlocalhost ip6-localhost ip6-loopback',
      );
      const named = await sandbox.text('hostname; tail -n 1 /etc/hosts', {
        hostname: 'box',
        hosts: [['db', '10.0.0.7']],
      });
      expect(named).toBe('box\n10.0.0.7\tdb');
    });
  });

  describe('who it is', () => {
    const id = 'echo $(id -u):$(id -g) $(id -G | tr " " "\\n" | sort -n | tr "\\n" " ")$HOME';
    it.each([
      ['', '0:0 0 44 /root'],
      ['node', '1000:1000 44 60 1000 /home/node'],
      ['1000', '1000:1000 44 60 1000 /home/node'],
      ['node:video', '1000:44 44 /home/node'],
      ['1234', '1234:0 0 /'],
      ['1234:55', '1234:55 55 /'],
      ['odd', '1001:44 44 60 /odd'],
    ])('runs USER %s as %s', async (user, expected) => {
      expect(await sandbox.text(id, { user })).toBe(expected);
    });

    it('refuses users and groups that the image does not know', async () => {
      await expect(sandbox.run('id', { user: 'ghost' })).rejects.toMatchObject({
        code: 'USER_UNKNOWN',
        message: expect.stringContaining('ghost'),
        hint: expect.any(String),
      });
      await expect(sandbox.run('id', { user: 'node:ghost' })).rejects.toBeInstanceOf(JettisonError);
    });

    it('has Docker’s capabilities as root, none as another user, and can gain some', async () => {
      const caps = 'grep -E "^(Cap|NoNewPrivs)" /proc/self/status | tr "\\t\\n" "  "';
      expect(await sandbox.text(caps)).toBe(
        'CapInh: 0000000000000000 CapPrm: 00000000a80405fb CapEff: 00000000a80405fb CapBnd: 00000000a80405fb CapAmb: 0000000000000000 NoNewPrivs: 0',
      );
      expect(await sandbox.text(caps, { user: 'node' })).toContain(
        'CapEff: 0000000000000000 CapBnd: 00000000a80405fb',
      );
    });

    it('can become another user', async () => {
      expect(await sandbox.text('su -s /bin/sh node -c "id -u"')).toBe('1000');
    });
  });

  describe('a command that cannot be started', () => {
    it.each([
      [['nope'], 127, 'exec: "nope": executable file not found in $PATH\n'],
      [['/nope'], 127, 'exec: "/nope": no such file or directory\n'],
      [['/etc/passwd'], 126, 'exec: "/etc/passwd": permission denied\n'],
      [['/etc'], 126, 'exec: "/etc": permission denied\n'],
    ])('%j exits with %i', async (args, exitCode, stderr) => {
      expect(await sandbox.run(args)).toEqual({ exitCode, stdout: '', stderr });
    });

    it('is too long for the kernel', async () => {
      await expect(sandbox.run(['/bin/echo', 'x'.repeat(200_000)])).rejects.toMatchObject({
        code: 'RUN_TOO_LONG',
      });
    });

    it('has a working directory that is a file', async () => {
      await expect(sandbox.run('true', { cwd: '/etc/passwd' })).rejects.toMatchObject({ code: 'RUN_CWD' });
    });
  });

  describe("a command's confinement", () => {
    it('sees its own processes only', async () => {
      expect(await sandbox.text('ls /proc | grep -c "^[0-9]"')).toMatch(/^[1-5]$/);
    });

    it('cannot mount, unmount, or write to kernel settings', async () => {
      const { stdout } = await sandbox.run(
        'mount -t tmpfs x /tmp; echo $?; umount /proc; echo $?; echo x >/proc/sys/kernel/hostname; echo $?; echo b >/proc/sysrq-trigger; echo $?',
      );
      expect(stdout).toMatch(/^([1-9]\d*\n){4}$/);
    });

    if (name === 'namespaces') {
      it('sees nothing of the machine through its first process', async () => {
        const { stdout } = await sandbox.run(
          'ls /proc/1/root/etc/passwd; cat /proc/1/environ; ls /proc/1/cwd/; tr "\\0" " " </proc/1/cmdline',
        );
        expect(stdout).toMatch(/^\S*sh -c eval "\$JETTISON_SCRIPT" jettison /);
        expect(stdout).not.toContain(sandbox.home);
      });
    } else {
      it('is the first process itself', async () => {
        expect(await sandbox.text('echo $$; ls /proc | grep -c "^[0-9]"')).toMatch(/^1\n[23]$/);
      });
    }

    it('cannot leave its root by the old way out of a chroot', async () => {
      const out = 'mkdir /tmp/x && cd / && chroot /tmp/x 2>/dev/null; cd ../../../../..; ls /usr; pwd';
      expect(await sandbox.text(out)).toBe('a\nb\n/');
    });

    it('sees no network but its own with `none`', async () => {
      const names = 'tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d " "';
      expect(await sandbox.text(names, { network: 'none' })).toBe('lo');
    });
  });
});
