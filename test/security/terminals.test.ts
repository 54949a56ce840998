import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TestCommand } from '../support/command.ts';
import { eventually, marker, processesWith } from '../support/sandbox.ts';
import { TestTerminal } from '../support/terminal.ts';
import { TEST_USERS } from '../support/thorough.ts';

/** Pushes a line into the terminal on its standard input, as if somebody had typed it. */
const INJECT = `#include <sys/ioctl.h>
#include <stdio.h>
int main(void) {
  const char *text = "injected\\n";
  for (; *text; text++) if (ioctl(0, TIOCSTI, text) < 0) { puts("refused"); return 0; }
  puts("pushed");
  return 0;
}
`;

/** Ways in which the command of a container is started. */
const WAYS: [name: string, flags: string[]][] = [
  ['as usual', []],
  ['hardened', ['--hardened']],
  ['with a seccomp profile', ['--security-opt', 'seccomp=builtin']],
];

/** Prints of each open file what device it is on, and how the terminal is called, then waits for a line. */
const LOOK = `tty; stty size; for fd in 0 1 2; do stat -L -c 'on %d' /proc/self/fd/$fd; done
ls -l /dev/console; echo ready; read line; echo "got $line"; exit 6`;

describe.each(TEST_USERS)('a command with a terminal, as %s', (user) => {
  let jettison: TestCommand;
  let why: string | undefined;
  let injector = false;

  beforeAll(async () => {
    const opened = await TestCommand.open(user);
    if (typeof opened === 'string') {
      why = opened;
      return;
    }
    jettison = opened;
    const source = join(jettison.context, 'inject.c');
    writeFileSync(source, INJECT);
    const made = spawnSync('gcc', ['-static', '-o', join(jettison.context, 'inject'), source]);
    injector = made.status === 0;
    if (!injector) return;
    expect(await jettison.build('FROM base\nCOPY inject /inject\n', '-t', 'injecting')).toMatchObject({
      code: 0,
    });
  });
  afterAll(() => jettison?.remove());
  beforeEach((ctx) => {
    if (why !== undefined) ctx.skip(why);
  });

  const open = (...args: string[]) => TestTerminal.open(jettison, args);

  describe.each(WAYS)('%s', (_, flags) => {
    it('has one of its own, with a name, a size and keys', async () => {
      const terminal = open('run', '-it', ...flags, 'base', 'sh', '-c', LOOK);
      await terminal.shows('ready');
      terminal.type('typed\r');
      expect(await terminal.end).toBe(6);
      const { text } = terminal;
      expect(text).toMatch(/^\/dev\/pts\/0\r\n31 97\r\n/);
      expect(text).toContain('got typed\r\n');
      const devices = [...text.matchAll(/^on (\d+)/gm)].map(([, device]) => Number(device));
      expect(devices).toHaveLength(3);
      expect(devices).not.toContain(statSync('/dev/pts').dev);
      expect(terminal.isRestored).toBe(true);
    });

    it('follows the size of the window', async () => {
      const script = `trap 'stty size' WINCH; echo ready; while :; do sleep 0.05; done`;
      const terminal = open('run', '-it', ...flags, 'base', 'sh', '-c', script);
      await terminal.shows('ready');
      for (let columns = 50; columns < 80; columns++) terminal.resize({ rows: 20, columns });
      await terminal.shows('20 79');
      // A key, for the command's own terminal.
      terminal.type('\x03');
      expect(await terminal.end).toBe(130);
      expect(terminal.isRestored).toBe(true);
    });

    it("cannot type into its caller's terminal", async (ctx) => {
      if (!injector) return ctx.skip('gcc is not installed, or cannot link statically');
      const script = 'stty -echo; "$@"; echo ended; read -r line; echo "read [$line]"';
      const terminal = TestTerminal.open(jettison, ['run', '-it', ...flags, 'injecting', '/inject'], {
        before: ['sh', '-c', script, 'sh'],
      });
      await terminal.shows('ended');
      terminal.type('mine\r');
      await terminal.shows('read [');
      expect(terminal.text).toMatch(/pushed|refused/);
      expect(terminal.text).toContain('read [mine]');
    });
  });

  it('has one in a container that runs, too', async (ctx) => {
    for (const [name, flags] of WAYS) {
      const id = `${name.replaceAll(' ', '-')}`;
      expect(
        await jettison.run([
          'run',
          '-d',
          '--name',
          id,
          ...flags,
          injector ? 'injecting' : 'base',
          'sleep',
          '1000',
        ]),
      ).toMatchObject({ code: 0 });
      const terminal = open('exec', '-it', id, 'sh', '-c', LOOK);
      await terminal.shows('ready');
      terminal.type('typed\r');
      expect(await terminal.end).toBe(6);
      expect(terminal.text).toMatch(/^\/dev\/pts\/\d\r\n31 97\r\n/);
      expect(terminal.text).toContain('got typed\r\n');
      expect(terminal.text).not.toContain(`on ${statSync('/dev/pts').dev}\r`);
      expect(terminal.isRestored).toBe(true);
      if (injector) {
        const script = 'stty -echo; "$@"; echo ended; read -r line; echo "read [$line]"';
        const inject = TestTerminal.open(jettison, ['exec', '-it', id, '/inject'], {
          before: ['sh', '-c', script, 'sh'],
        });
        await inject.shows('ended');
        inject.type('mine\r');
        await inject.shows('read [');
        expect(inject.text).toContain('read [mine]');
      }
      await jettison.run(['rm', '-f', id]);
    }
    if (!injector) ctx.skip('gcc is not installed, or cannot link statically');
  });

  it('gets pasted text, and prints, byte by byte', async () => {
    const paste = Buffer.from(randomBytes(150_000).toString('base64'));
    const sum = createHash('md5').update(paste).digest('hex');
    const script = `stty raw -echo; echo ready; head -c ${paste.length} | md5sum; head -c 300000 /dev/urandom >/tmp/x; md5sum /tmp/x; echo from; cat /tmp/x; echo to`;
    const terminal = open('run', '-it', 'base', 'sh', '-c', script);
    await terminal.shows('ready\n');
    terminal.type(paste);
    expect(await terminal.end).toBe(0);
    await terminal.shows('to\n');
    expect(terminal.text).toContain(sum);
    const printed = terminal.text.slice(terminal.text.indexOf('from\n') + 5, -3);
    expect(terminal.text).toContain(createHash('md5').update(Buffer.from(printed, 'latin1')).digest('hex'));
  });

  it('ends with the window, and leaves nothing', async () => {
    const mark = marker();
    const terminal = open('run', '-it', 'base', 'sh', '-c', `trap '' HUP; echo ready; exec sleep ${mark}`);
    await terminal.shows('ready');
    terminal.close();
    expect(await terminal.end).toBe(137);
    await eventually('nothing is left', () => processesWith(mark).length === 0);
    expect(processesWith(jettison.home)).toEqual([]);
  });

  it('resets the terminal when the worker is killed', async () => {
    const terminal = open('run', '-it', 'base', 'sh', '-c', 'echo ready; exec sleep 1000');
    await terminal.shows('ready');
    expect(terminal.isRestored).toBe(false);
    const [worker] = processesWith(jettison.home).filter((pid) =>
      readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('worker.js'),
    );
    process.kill(worker!, 'SIGKILL');
    expect(await terminal.end).toBe(125);
    expect(terminal.isRestored).toBe(true);
    expect(terminal.text).toContain('ended unexpectedly');
  });

  it('reads a pipe with -i alone, and has no open file of its caller', async () => {
    const terminal = open(
      'run',
      '-i',
      'base',
      'sh',
      '-c',
      'echo ready; cat; tty; ls -l /proc/self/fd 2>/dev/null; exit 3',
    );
    await terminal.shows('ready');
    terminal.type('typed\r\x04');
    expect(await terminal.end).toBe(3);
    expect(terminal.text).toContain('typed\r\nnot a tty\r\n');
    expect(terminal.text).not.toMatch(/-> \/dev\/(pts|tty|console)/);
    const data = randomBytes(300_000).toString('base64');
    expect(await jettison.run(['run', '-i', 'base', 'cat'], { stdin: data })).toMatchObject({
      code: 0,
      out: data,
    });
  });

  it('is refused where there is nothing to type on; without -i it needs nothing', async () => {
    expect(await jettison.run(['run', '-it', 'base', 'true'])).toMatchObject({
      code: 125,
      err: expect.stringContaining('the input device is not a TTY'),
    });
    expect(await jettison.run(['run', '-t', 'base', 'tty'])).toMatchObject({
      code: 0,
      out: '/dev/pts/0\r\n',
    });
  });

  it('in the sandbox no process of ours has the terminal open', async () => {
    const terminal = open('run', '-it', 'base', 'sh', '-c', 'echo ready; read line');
    await terminal.shows('ready');
    const ours = readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .filter((pid) => holds(pid, `/dev/pts/${terminal.number}`));
    const command = terminal.child.pid!;
    expect(ours.map(Number).filter((pid) => pid !== process.pid && pid !== command)).toEqual([]);
    terminal.type('\r');
    await terminal.end;
  });
});

function holds(pid: string, device: string): boolean {
  try {
    const { rdev } = statSync(device);
    const devpts = statSync('/dev/pts').dev;
    return readdirSync(`/proc/${pid}/fd`).some((fd) => {
      const path = `/proc/${pid}/fd/${fd}`;
      if (!readlinkSync(path).startsWith('/dev/pts/')) return false;
      const found = statSync(path);
      return found.rdev === rdev && found.dev === devpts;
    });
  } catch {
    // It has ended, or may not be looked at.
    return false;
  }
}
