import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ended, remains } from '../support/build.ts';
import { TestCommand, USERS } from '../support/command.ts';
import { eventually } from '../support/sandbox.ts';

/** Makes what only another id, where there is one, may look into, and goes on until it is killed. */
const DOCKERFILE = `FROM base
RUN mkdir -m 700 /theirs && echo x >/theirs/file && chown -R 1000:1000 /theirs || true; echo there && sleep 1000
`;

describe.each(USERS)('what a killed build of %s leaves', (user) => {
  let jettison: TestCommand;
  let why: string | undefined;
  beforeAll(async () => {
    const opened = await TestCommand.open(user);
    if (typeof opened === 'string') why = opened;
    else jettison = opened;
  });
  beforeEach((ctx) => {
    if (why !== undefined) ctx.skip(why);
  });
  afterAll(() => jettison?.remove());

  it.each([[['ps']], [['images']], [['doctor', '--store']]])(
    'is deleted by the next command, also one that starts no worker: %s',
    async (command) => {
      jettison.write({ Dockerfile: DOCKERFILE });
      const build = jettison.start(['build', '--progress=plain', jettison.context]);
      const end = ended(build);
      let said = '';
      build.stderr!.on('data', (data) => {
        said += data;
      });
      await eventually('the command runs', () => / there$/m.test(said));
      process.kill(-build.pid!, 'SIGKILL');
      await end;
      await eventually('all is gone', () => remains(jettison.home, jettison.home).length === 0);
      expect(readdirSync(join(jettison.home, 'tmp'))).not.toEqual([]);
      expect(await jettison.run(command)).toMatchObject({ code: 0, err: '' });
      expect(readdirSync(join(jettison.home, 'tmp'))).toEqual([]);
    },
  );
});
