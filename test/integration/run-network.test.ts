import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ended } from '../support/build.ts';
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
import { eventually, marker, processesWith } from '../support/sandbox.ts';
import { sample, TEST_USERS } from '../support/thorough.ts';

const UDP = (text: string, port: number) =>
  `{ const s = require('dgram').createSocket('udp4'); s.on('message', (m, r) => s.send(${JSON.stringify(text)} + m, r.port, r.address)).bind(${port}); }`;
const ASK = `${GET}
const udp = (port, host) => new Promise((done) => { const s = require('dgram').createSocket('udp4'); let left = 40;
  s.on('message', (m) => { s.close(); clearInterval(timer); done(String(m)); });
  const timer = setInterval(() => left-- ? s.send('hello', port, host) : (s.close(), clearInterval(timer), done('nothing')), 100); });`;

describe.each(sample(HELPERS, 1))('a private network made by %s', (helper) => {
  describe.each(TEST_USERS)('as %s', (user) => {
    let jettison: TestCommand;
    let why: string | undefined;
    let server: ReturnType<TestCommand['inside']> | undefined;
    let container: ReturnType<TestCommand['start']> | undefined;

    beforeAll(async () => {
      why = whyNoMachine() ?? (findProgram(helper) === undefined ? `${helper} is not installed` : undefined);
      if (why !== undefined) return;
      const others = HELPERS.filter((name) => name !== helper);
      const opened = await TestCommand.open(user, {
        machine: [MACHINE, ...others.map(hide)].join('\n'),
        node: true,
      });
      if (typeof opened === 'string') {
        why = opened;
        return;
      }
      jettison = opened;
      server = jettison.inside([
        process.execPath,
        '-e',
        `${web('outside', 8000, '198.51.100.7')}${web('loopback', 8002, '127.0.0.1')}${nameServer('198.51.100.7')}`,
      ]);
    });
    afterAll(() => {
      server?.kill('SIGKILL');
      jettison?.remove();
    });
    afterEach(() => {
      container?.kill('SIGTERM');
      container = undefined;
    });
    beforeEach((ctx) => {
      if (why !== undefined) ctx.skip(why);
    });

    /** What a script that asks prints, run on the machine. */
    const ask = async (script: string) => {
      const { out, err } = await ended(
        jettison.inside([process.execPath, '-e', `${ASK}(async () => { ${script} })()`]),
      );
      expect(err).toBe('');
      return out;
    };

    it("reaches other machines, but not this machine's loopback", async () => {
      const { code, out, err } = await jettison.run([
        ...['run', '--network', 'private', 'node', 'node', '-e'],
        `${ASK}(async () => {
          console.log(await get('http://198.51.100.7:8000'), await get('http://127.0.0.1:8002'));
          require('dns').lookup('any.example', { family: 4 }, (e, address) => console.log(e ?? address));
        })()`,
      ]);
      expect({ code, out, err }).toEqual({ code: 0, out: 'outside nothing\n10.1.2.3\n', err: '' });
    });

    it('has its ports published: several, of one address, and of UDP', async () => {
      const mark = marker();
      const child = jettison.start([
        ...[
          'run',
          '-p',
          '18080:80',
          '-p',
          '18081:18081',
          '-p',
          '127.0.0.1:18082:82',
          '-p',
          '18053:53/udp',
          'node',
        ],
        ...[
          'node',
          '-e',
          `${web('one', 80)}${web('two', 18081)}${web('three', 82)}${UDP('echo ', 53)}console.log('up')`,
          mark,
        ],
      ]);
      container = child;
      const end = ended(child);
      let said = '';
      child.stdout?.on('data', (data) => {
        said += data;
      });
      await eventually('the container is up', () => said.includes('up') || child.exitCode !== null);
      const out = await ask(`console.log(
        await get('http://127.0.0.1:18080'), await get('http://192.0.2.10:18080'), await get('http://127.0.0.1:18081'),
        await get('http://127.0.0.1:18082'), await get('http://192.0.2.10:18082'), await udp(18053, '198.51.100.7'))`);
      expect(out).toBe('one one two three nothing echo hello\n');
      child.kill('SIGTERM');
      expect(await end).toMatchObject({ err: '' });
      expect(processesWith(jettison.home)).toEqual([]);
      expect(await ask(`console.log(await get('http://127.0.0.1:18080'))`)).toBe('nothing\n');
    });

    it('a port that is taken, and an address that is not there, are refused by name', async () => {
      const publish = (port: string) => jettison.run(['run', '-p', port, 'base', 'echo', 'ran']);
      expect(await publish('198.51.100.7:8000:80')).toMatchObject({
        code: 125,
        out: '',
        err: expect.stringMatching(
          /cannot publish port 198\.51\.100\.7:8000\/tcp .*: it is already in use\nhint: /,
        ),
      });
      expect(await publish('203.0.113.1:8000:80')).toMatchObject({
        code: 125,
        err: expect.stringContaining('no such address'),
      });
      expect(await publish('198.51.100.7:53:53/udp')).toMatchObject({
        code: 125,
        err: expect.stringContaining('53/udp'),
      });
    });

    it('frees its ports when jettison is killed', async () => {
      const child = jettison.start(['run', '-p', '18090:80', 'base', 'sh', '-c', 'echo up; sleep 1000']);
      let said = '';
      child.stdout?.on('data', (data) => {
        said += data;
      });
      await eventually('the container is up', () => said.includes('up'));
      expect(
        await ask(
          `require('net').connect(18090, '127.0.0.1').on('connect', () => { console.log('connected'); process.exit(); })`,
        ),
      ).toBe('connected\n');
      child.kill('SIGKILL');
      await eventually('nothing listens any more', () => processesWith(jettison.home).length === 0);
      await eventually('the port is free', () => !jettison.listens(18090));
      expect(await jettison.run(['run', '-p', '18090:80', 'base', 'true'])).toMatchObject({ code: 0 });
    });
  });
});

describe.each(TEST_USERS)('where no private network can be had, as %s', (user) => {
  const open = async (machine: string) => {
    const why = whyNoMachine();
    return why ?? (await TestCommand.open(user, { machine }));
  };

  it.for([
    ['helper', HELPERS.map(hide).join('\n'), 'package passt'],
    ['right to use /dev/net/tun', 'mount -t tmpfs none /dev/net', '/dev/net/tun'],
  ] as const)(
    'for want of a %s, ports stay where they are, and a note says so',
    async ([what, script, named], ctx) => {
      if (what !== 'helper' && HELPERS.every((name) => findProgram(name) === undefined)) {
        return ctx.skip(`neither ${HELPERS.join(' nor ')} is installed`);
      }
      const jettison = await open(script);
      if (typeof jettison === 'string') return ctx.skip(jettison);
      try {
        expect(await jettison.run(['run', '-p', '8080:80', 'base', 'echo', 'ran'])).toMatchObject({
          code: 0,
          out: 'ran\n',
          err: expect.stringMatching(
            new RegExp(`^note: .* so 80 is not moved to 8080; that takes .*${named}`),
          ),
        });
        expect(await jettison.run(['run', '--network', 'private', 'base', 'true'])).toMatchObject({
          code: 125,
          err: expect.stringContaining(named),
        });
        expect(await jettison.run(['run', '--network', 'none', '-p', '80', 'base', 'true'])).toMatchObject({
          code: 0,
          err: expect.stringContaining('without a network'),
        });
      } finally {
        jettison.remove();
      }
    },
  );
});
