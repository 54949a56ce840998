import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BuildEvent } from '../../src/events/event.ts';
import { TestBuilds } from '../support/build.ts';
import { holding } from '../support/holding.ts';
import { whyNoSandbox } from '../support/sandbox.ts';

const why = whyNoSandbox();
const SECRET = `marked-${randomBytes(12).toString('hex')}`;
const PROXY = `proxy-${randomBytes(12).toString('hex')}`;
/** Ends in a layer on purpose: shows that the search finds what is there. */
const CONTROL = `control-${randomBytes(12).toString('hex')}`;
let builds: TestBuilds;

beforeAll(async () => {
  if (why === undefined) builds = await TestBuilds.create({});
});
afterAll(() => builds?.remove());

const MOUNT = '--mount=type=secret,id=s';
const PATHS: [string, string][] = [
  ['a file', `RUN ${MOUNT} test -s /run/secrets/s`],
  ['a file that the user reads', `USER node\nRUN ${MOUNT},uid=1000 wc -c /run/secrets/s`],
  ['a variable', `RUN ${MOUNT},env=S test -n "$S"`],
  [
    'a file in a directory that is made for it',
    `RUN ${MOUNT},target=/deep/er/s,mode=0444 cat /deep/er/s | wc -c`,
  ],
  [
    'a file that a cache mount stands beside',
    `RUN --mount=type=cache,target=/c ${MOUNT} wc -c /run/secrets/s > /c/size`,
  ],
  ['a file over one of the image', `RUN ${MOUNT},target=/usr/a wc -c /usr/a`],
  ['a variable of a heredoc', `RUN ${MOUNT},env=S <<EOF\ntest -n "$S"\nEOF`],
  ['a command that fails', `RUN ${MOUNT} ${MOUNT},env=S wc -c /run/secrets/s && exit 3`],
  ['a command that takes too long', `RUN ${MOUNT} ${MOUNT},env=S sleep 60`],
];

describe.skipIf(why)('secrets are nowhere afterwards', () => {
  it.each(PATHS)(
    '%s',
    async (_, run) => {
      const events: BuildEvent[] = [];
      const outcome = await builds
        .build(`FROM base\n${run}\n`, {
          secrets: { s: { value: SECRET } },
          buildArgs: { HTTPS_PROXY: `http://u:${PROXY}@proxy.invalid` },
          timeout: 3000,
          onEvent: (event) => events.push(event),
        })
        .catch((error: unknown) => error);
      const shown = [outcome, ...events].map((one) =>
        JSON.stringify(one, (_key, value: unknown) =>
          value instanceof Error ? { ...value, message: value.message, stack: value.stack } : value,
        ),
      );
      expect(shown.join('\n')).not.toMatch(new RegExp(`${SECRET}|${PROXY}`));
      expect(holding(builds.home, [SECRET, PROXY])).toEqual([]);
    },
    20_000,
  );

  it('the search finds a secret that is left on purpose', async () => {
    await builds.build(`FROM base\nRUN echo ${CONTROL} > /kept\n`);
    expect(holding(builds.home, [CONTROL]).some((path) => path.includes('/blobs/'))).toBe(true);
  });
});

describe.skipIf(why)('what looks like a secret by its value', () => {
  it('warns without saying it', async () => {
    const token = `gh${'p_'}q7Zk3VxN0pLwT8sYb2RfJ6cHdG1mUoEaXY`;
    const { warnings } = await builds.build(`FROM base\nARG SETTING\nENV OTHER=${token} PLAIN=x\n`, {
      buildArgs: { SETTING: 'redis://:hunter2@cache' },
    });
    expect(warnings.map(({ code, location }) => [code, location.line])).toEqual([
      ['SecretsUsedInArgOrEnv', 2],
      ['SecretsUsedInArgOrEnv', 3],
    ]);
    expect(warnings[0]!.message).toContain('a password in a URL');
    expect(warnings[1]!.message).toContain('a GitHub token');
    expect(JSON.stringify(warnings)).not.toMatch(/hunter2|q7Zk/);
  });
});
