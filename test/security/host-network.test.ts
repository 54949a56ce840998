import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TestCommand, USERS } from '../support/command.ts';

/** CAP_NET_RAW, as a bit of a mask. */
const NET_RAW = 1n << 13n;
const CAPABILITIES = `sed -n 's/^CapBnd:.//p' /proc/self/status`;

describe.each(USERS)("the machine's network, as %s", (user) => {
  let jettison: TestCommand;
  let why: string | undefined;

  beforeAll(async () => {
    const opened = await TestCommand.open(user);
    if (typeof opened === 'string') why = opened;
    else jettison = opened;
  });
  afterAll(() => jettison?.remove());
  beforeEach((ctx) => {
    if (why !== undefined) ctx.skip(why);
  });

  it.each(['auto', 'namespaces'])('shows a RUN nobody’s packets, on the rung %s', async (rung) => {
    const masks = async (flag: string) => {
      const { code, out, err } = await jettison.build(
        `FROM base\nRUN ${flag} echo "mask=$(${CAPABILITIES})"\n`,
        ...['--no-cache', `--isolation=${rung}`],
      );
      expect({ code, err }).toMatchObject({ code: 0 });
      const mask = /^#\d+ [\d.]* ?mask=([0-9a-f]{16})/m.exec(out + err)?.[1];
      expect(mask).toBeDefined();
      return BigInt(`0x${mask}`) & NET_RAW;
    };
    expect(await masks('--network=host')).toBe(0n);
    expect(await masks('--network=none')).toBe(user === 'root' ? NET_RAW : expect.anything());
  });
});
