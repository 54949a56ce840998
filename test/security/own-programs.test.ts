import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TestCommand } from '../support/command.ts';
import { compile, NO_COMPILER } from '../support/probe.ts';
import { sample, TEST_USERS } from '../support/thorough.ts';

/**
 * A loader of dynamic programs, put where those of this machine look for theirs. It says what it was started for and
 * keeps that open; a program of the image then tries to write to it, when it no longer executes.
 */
const LOADER = `static long call(long number, long a, long b, long c) {
  long result;
  __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
  return result;
}
void _start(void) {
  char text[256] = "loader of ";
  long length = call(89, (long)"/proc/self/exe", (long)text + 10, 240);
  text[10 + (length < 0 ? 0 : length)] = '\\n';
  call(1, 1, (long)text, 11 + (length < 0 ? 0 : length));
  long file = call(2, (long)"/proc/self/exe", 0, 0);
  char name[] = "0";
  name[0] = '0' + file;
  char *words[] = {"/write", name, 0}, *none[] = {0};
  call(59, (long)"/write", (long)words, (long)none);
  call(231, 3, 0, 0);
}
`;

/** `write FD`: tries to open a file anew for writing. `write`: tries it with the programs of all processes. */
const WRITE = `#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
int main(int count, char **words) {
  char path[64];
  if (count > 1) {
    snprintf(path, 64, "/proc/self/fd/%s", words[1]);
    for (int i = 0; i < 20; i++, usleep(20000))
      if (open(path, O_WRONLY) >= 0) { puts("file of the loader WRITABLE"); return 0; }
    puts("file of the loader not writable");
    return 0;
  }
  DIR *all = opendir("/proc");
  int seen = 0;
  for (struct dirent *one; (one = readdir(all));) {
    if (atoi(one->d_name) == 0) continue;
    snprintf(path, 64, "/proc/%s/exe", one->d_name);
    seen++;
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file >= 0) printf("%s WRITABLE\\n", path);
    else if (errno != ETXTBSY && errno != EACCES && errno != EPERM && errno != ENOENT) perror(path);
  }
  printf("tried %s\\n", seen > 0 ? "all" : "none");
  return 0;
}
`;

const loader = compile(LOADER, '-static', '-nostdlib', '-fno-stack-protector', '-no-pie');
const write = compile(WRITE, '-static');
const dynamic = compile('int main(void) { return 0; }');

const DOCKERFILE = `FROM base
COPY --chmod=755 loader /lib64/ld-linux-x86-64.so.2
COPY --chmod=755 write dynamic /
COPY --chmod=755 script /script
`;

describe.each(TEST_USERS)('the programs of this machine, before %s', (user) => {
  let jettison: TestCommand;
  let why: string | undefined;

  beforeAll(async () => {
    if (process.arch !== 'x64') why = 'the loader of this test is for x86-64';
    else if (loader === undefined || write === undefined || dynamic === undefined) why = NO_COMPILER;
    else {
      const opened = await TestCommand.open(user);
      if (typeof opened === 'string') {
        why = opened;
        return;
      }
      jettison = opened;
      jettison.write({ loader, write, dynamic, script: '#!/proc/self/exe\n' });
    }
    if (why !== undefined) return;
    const built = await jettison.build(DOCKERFILE, '-t', 'attack');
    expect(built).toMatchObject({ code: 0 });
  });
  afterAll(() => jettison?.remove());
  beforeEach((ctx) => {
    if (why !== undefined) ctx.skip(why);
  });

  describe.each(['oci', 'namespaces'])('on %s', (rung) => {
    it('are not within reach of a RUN', async (ctx) => {
      const run = async (step: string) => {
        const flags = ['--no-cache', '--isolation', rung];
        const { out, err } = await jettison.build(`FROM attack\nRUN ${step}\n`, ...flags);
        return out + err;
      };
      // The loader works: it is asked for a program of the image.
      const loaded = await run('["/dynamic"]');
      if (loaded.includes('does not work here')) ctx.skip(`this machine has no ${rung}`);
      expect(loaded).toContain('loader of /dynamic');
      const script = await run('["/script"]');
      expect(script).not.toContain('WRITABLE');
      // A runtime is dynamic, and shows a copy of itself, or a mount of its own, that is read-only.
      if (rung === 'namespaces') {
        expect(script).toContain('failed with exit code 126');
        expect(script).not.toContain('loader of');
      } else expect(script).toMatch(/not writable|RUN \["\/script"\] failed/);
      const all = await run('["/write"]');
      expect(all).toContain('tried all');
      expect(all).not.toContain('WRITABLE');
    });
  });

  it('are not within reach of run and exec', async () => {
    for (const way of sample([[], ['--hardened'], ['--security-opt', 'seccomp=unconfined']], 1)) {
      const start = async (...args: string[]) => {
        const { out, err } = await jettison.run(['run', '--rm', ...way, 'attack', ...args]);
        return out + err;
      };
      expect(await start('/dynamic')).toContain('loader of /dynamic');
      const script = await start('/script');
      expect(await jettison.run(['run', '--rm', ...way, 'attack', '/script'])).toMatchObject({ code: 126 });
      expect(script).toContain('its interpreter is not a program of the image');
      expect(script).not.toMatch(/loader of|WRITABLE/);
      expect(await start('/write')).toBe('tried all\n');

      const started = await jettison.run(['run', '-d', '--name', 'c', ...way, 'attack', 'sleep', '1000']);
      expect(started).toMatchObject({ code: 0 });
      const join = async (...args: string[]) => {
        const { out, err } = await jettison.run(['exec', 'c', ...args]);
        return out + err;
      };
      const joined = [await join('/script'), await join('/write')];
      await jettison.run(['rm', '-f', 'c']);
      expect(joined[0]).toContain('its interpreter is not a program of the image');
      expect(joined[0]).not.toMatch(/loader of|WRITABLE/);
      expect(joined[1]).toBe('tried all\n');
    }
  });
});
