import { existsSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TestCommand } from '../support/command.ts';
import {
  findProgram,
  GET,
  HELPERS,
  hide,
  MACHINE,
  nameServer,
  web,
  whyNoMachine,
} from '../support/machine-network.ts';
import { eventually } from '../support/sandbox.ts';
import { sample, TEST_USERS } from '../support/thorough.ts';

/** CAP_NET_RAW, as a bit of a mask. */
const NET_RAW = 1n << 13n;
const CAPABILITIES = `sed -n 's/^CapBnd:.//p' /proc/self/status`;

const hasIpv6 = existsSync('/proc/net/if_inet6');
/** Its name server is on the loopback, as that of systemd-resolved; by IPv6 there is a way out, too. */
const LOOPBACK_MACHINE = `${MACHINE}
echo 'nameserver 127.0.0.53' >/mnt/resolv.conf
${
  hasIpv6
    ? `
ip address add 2001:db8:7::7/128 dev lo nodad
ip address add 2001:db8::10/64 dev out0 nodad
ip -6 route add default via 2001:db8::1 dev out0`
    : ''
}
`;
/** What another process of the machine offers: to everybody, on its loopback, and by an abstract socket. */
const SERVER = [
  web('outside', 8000, '198.51.100.7'),
  web('loopback', 8002, '127.0.0.1'),
  ...(hasIpv6 ? [web('outside by IPv6', 8000, '2001:db8:7::7'), web('loopback', 8002, '::1')] : []),
  `require('net').createServer((c) => c.end('abstract')).listen('\\0jettison-test');`,
  nameServer('127.0.0.53'),
].join('');
const LOOK = `${GET}
const net = require('net');
const abstract = () => new Promise((done) => { let t = ''; net.connect('\\0jettison-test').on('data', (d) => t += d)
  .on('end', () => done(t)).on('error', () => done('nothing')); });
const name = () => new Promise((done) => require('dns').lookup('any.example', { family: 4 }, (e, address) => done(e ?? address)));
(async () => console.log('sees', await Promise.all([get('http://198.51.100.7:8000'), get('http://127.0.0.1:8002'), abstract(), name()${
  hasIpv6 ? `, get('http://[2001:db8:7::7]:8000'), get('http://[::1]:8002')` : ''
}]).then((all) => all.join('; '))))();
`;
/** One of the two knows nothing of IPv6. */
const inPrivate = (helper: string) =>
  `sees outside; nothing; nothing; 10.1.2.3${
    hasIpv6 ? `; ${helper === 'pasta' ? 'outside by IPv6' : 'nothing'}; nothing` : ''
  }`;
const SHARED = `sees outside; loopback; abstract; 10.1.2.3${hasIpv6 ? '; outside by IPv6; loopback' : ''}`;

describe.each(TEST_USERS)("the machine's network, as %s", (user) => {
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
        ...['--no-cache', '--allow=network.host', `--isolation=${rung}`],
      );
      expect({ code, err }).toMatchObject({ code: 0 });
      const mask = /^#\d+ [\d.]* ?mask=([0-9a-f]{16})/m.exec(out + err)?.[1];
      expect(mask).toBeDefined();
      return BigInt(`0x${mask}`) & NET_RAW;
    };
    expect(await masks('--network=host')).toBe(0n);
    expect(await masks('--network=none')).toBe(NET_RAW);
  });
});

describe.each(sample(HELPERS, 1))('with %s', (helper) => {
  describe.each(TEST_USERS)('RUN by %s', (user) => {
    let jettison: TestCommand;
    let why: string | undefined;
    let server: ReturnType<TestCommand['inside']> | undefined;

    beforeAll(async () => {
      why = whyNoMachine() ?? (findProgram(helper) === undefined ? `${helper} is not installed` : undefined);
      if (why !== undefined) return;
      const others = HELPERS.filter((name) => name !== helper);
      const opened = await TestCommand.open(user, {
        machine: [LOOPBACK_MACHINE, ...others.map(hide)].join('\n'),
        node: true,
      });
      if (typeof opened === 'string') {
        why = opened;
        return;
      }
      jettison = opened;
      server = jettison.inside([process.execPath, '-e', SERVER]);
      await eventually('the servers listen', () => jettison.listens(8000) && jettison.listens(8002));
    });
    afterAll(() => {
      server?.kill('SIGKILL');
      jettison?.remove();
    });
    beforeEach((ctx) => {
      if (why !== undefined) ctx.skip(why);
    });

    const look = async (flag: string, ...args: string[]) => {
      const run = ['RUN', flag, JSON.stringify(['node', '-e', LOOK])].join(' ');
      const { code, out, err } = await jettison.build(`FROM node\n${run}\n`, '--no-cache', ...args);
      expect({ code, err }).toMatchObject({ code: 0 });
      const said = out + err;
      return { sees: /^#\d+ [\d.]* ?(sees .*)$/m.exec(said)?.[1], said };
    };

    it.each(['auto', 'namespaces'])(
      'reaches other machines, but no service of this one, on the rung %s',
      async (rung) => {
        const { sees, said } = await look('', `--isolation=${rung}`);
        expect(sees).toBe(inPrivate(helper));
        expect(said).not.toContain("machine's network");
      },
    );

    it('reaches all of it with --network host, of the build or of RUN', async () => {
      for (const [flag, ...args] of [
        ['--network=host', '--allow=network.host'],
        ['--network=host', '--network=host'],
        ['', '--network=host'],
      ] as const) {
        expect(await look(flag, ...args)).toMatchObject({ sees: SHARED });
      }
      expect(await look('--network=default', '--network=default')).toMatchObject({ sees: inPrivate(helper) });
    });

    it('hears of --network host when it finds nobody on its loopback', async () => {
      const fails = (command: string, ...args: string[]) =>
        jettison.build(`FROM base\nRUN ${command}\n`, '--no-cache', ...args);
      const refused = (port: number) => `wget -O- http://127.0.0.1:${port}/`;
      const hint = /hint: Nothing listens on 127\.0\.0\.1 in its network: .*--network host/;
      expect(await fails(refused(8002))).toMatchObject({ code: 1, err: expect.stringMatching(hint) });
      expect(await fails(refused(8009), '--network=host')).toMatchObject({
        code: 1,
        err: expect.not.stringMatching(hint),
      });
      expect(
        await fails('false', '--build-arg=HTTP_PROXY=http://somebody:password@localhost:3128'),
      ).toMatchObject({
        code: 1,
        err: expect.stringMatching(/hint: HTTP_PROXY names localhost: .*--network host/i),
      });
      expect(await fails('false')).toMatchObject({ code: 1, err: expect.not.stringContaining('loopback') });
    });
  });
});

describe.each(TEST_USERS)('where no private network can be had, RUN by %s', (user) => {
  it.for([
    ['no program is there', [MACHINE, ...HELPERS.map(hide)], 'pasta \\(package passt\\)'],
    ['/dev/net/tun is not permitted', [MACHINE, 'mount -t tmpfs none /dev/net'], '/dev/net/tun'],
    // Nothing leads out of there.
    ['the program fails', [MACHINE, 'ip route del default'], '\\w+ could not connect the network'],
  ] as const)(
    'has the machine’s without CAP_NET_RAW, and a build says so once: %s',
    async ([what, machine, named], ctx) => {
      const why =
        whyNoMachine() ??
        (what !== 'no program is there' && HELPERS.every((name) => findProgram(name) === undefined)
          ? `neither ${HELPERS.join(' nor ')} is installed`
          : undefined);
      if (why !== undefined) return ctx.skip(why);
      const jettison = await TestCommand.open(user, { machine: machine.join('\n') });
      if (typeof jettison === 'string') return ctx.skip(jettison);
      const server = jettison.inside([process.execPath, '-e', web('loopback', 8002, '127.0.0.1')]);
      try {
        await eventually('the server listens', () => jettison.listens(8002));
        const { code, out, err } = await jettison.build(
          `FROM base\nRUN wget -qO- http://127.0.0.1:8002/\nRUN echo "mask=$(${CAPABILITIES})"\n`,
        );
        const said = out + err;
        expect({ code, said }).toMatchObject({ code: 0 });
        expect(said).toMatch(/^#\d+ [\d.]* ?loopback$/m);
        expect(BigInt(`0x${/mask=([0-9a-f]{16})/.exec(said)?.[1]}`) & NET_RAW).toBe(0n);
        expect(said.match(new RegExp(`RUN uses this machine's network, .*${named}`, 'g'))).toHaveLength(1);
        if (what !== 'the program fails') {
          const doctor = await jettison.run(['doctor']);
          expect(doctor.out.replaceAll(/\s+/g, ' ')).toMatch(
            new RegExp(`RUN uses this machine's network.*${named}`),
          );
        }
      } finally {
        server.kill('SIGKILL');
        jettison.remove();
      }
    },
  );
});
