import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TestCommand } from '../support/command.ts';
import { compile, NO_COMPILER } from '../support/probe.ts';
import { sample, TEST_USERS } from '../support/thorough.ts';

/** `keys give COMMAND…` runs a command with a key in its session keyring; `keys` looks for that key. */
const KEYS = `#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
enum { JOIN = 1, SEARCH = 10, READ = 11, SESSION = -3 };
int main(int count, char **words) {
  char text[64] = "";
  if (count > 2 && !strcmp(words[1], "give")) {
    if (syscall(SYS_keyctl, JOIN, 0) < 0 || syscall(SYS_add_key, "user", "callers", "SECRET", 6, SESSION) < 0) {
      puts("no keys");
      return 1;
    }
    execvp(words[2], words + 2);
    return 2;
  }
  long key = syscall(SYS_keyctl, SEARCH, SESSION, "user", "callers", 0);
  if (key < 0) puts("no such key");
  else if (syscall(SYS_keyctl, READ, key, text, 63) < 0) puts("read nothing of it");
  else printf("read %s\\n", text);
  return 0;
}
`;

const program = compile(KEYS, '-static');
const RUNGS = ['oci', 'namespaces'] as const;

describe.each(TEST_USERS)('the keys of %s', (user) => {
  let jettison: TestCommand;
  let why: string | undefined;
  let before: string[];

  beforeAll(async () => {
    if (program === undefined) why = NO_COMPILER;
    if (program === undefined) return;
    const opened = await TestCommand.open(user);
    if (typeof opened === 'string') {
      why = opened;
      return;
    }
    jettison = opened;
    const keys = join(jettison.context, 'keys');
    writeFileSync(keys, program, { mode: 0o755 });
    before = [keys, 'give'];
    // Where this finds nothing, the rest would prove nothing.
    const child = jettison.start([], { before: [...before, keys] });
    const found = await new Promise<string>((resolve) => {
      let text = '';
      child.stdout!.on('data', (data) => {
        text += data;
      });
      child.on('close', () => resolve(text.trim()));
    });
    if (found !== 'read SECRET') why = `this machine permits no keys: ${found}`;
  });
  afterAll(() => jettison?.remove());
  beforeEach((ctx) => {
    if (why !== undefined) ctx.skip(why);
  });

  describe.each(sample(RUNGS, 1))('on %s', (rung) => {
    it('are not there for a RUN', async (ctx) => {
      // The filter refuses all calls for keys, so it is the command without one that shows the keyring.
      jettison.write({
        Dockerfile: 'FROM base\nCOPY keys /keys\nRUN /keys\nRUN --security=insecure /keys\n',
      });
      const flags = ['--no-cache', '--progress=plain', '--isolation', rung, '--allow', 'security.insecure'];
      const { code, err, out } = await jettison.run(['build', ...flags, jettison.context], { before });
      const text = out + err;
      if (text.includes('does not work here')) ctx.skip(`this machine has no ${rung}`);
      expect(text).not.toMatch(/SECRET|read nothing/);
      expect(text.match(/no such key/g)).toHaveLength(2);
      expect(code).toBe(0);
    });
  });

  it('are not there for run and exec', async () => {
    expect(await jettison.build('FROM base\nCOPY keys /keys\n', '-t', 'looking')).toMatchObject({ code: 0 });
    const ways = [[], ['--hardened'], ['--security-opt', 'seccomp=unconfined']];
    for (const way of ways) {
      const ran = await jettison.run(['run', '--rm', ...way, 'looking', '/keys'], { before });
      expect(ran).toMatchObject({ code: 0, out: 'no such key\n' });
      const started = await jettison.run(['run', '-d', '--name', 'c', ...way, 'looking', 'sleep', '1000']);
      expect(started).toMatchObject({ code: 0 });
      const joined = await jettison.run(['exec', 'c', '/keys'], { before });
      await jettison.run(['rm', '-f', 'c']);
      expect(joined).toMatchObject({ code: 0, out: 'no such key\n' });
    }
  });
});
