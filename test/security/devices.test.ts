import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { needTool } from '../../src/machine/tools.ts';
import { ended, startCommand, TestBuilds } from '../support/build.ts';
import { makeTar } from '../support/images.ts';
import { openSandbox, TestSandbox, WORKER_MODES } from '../support/sandbox.ts';
import { tempDir } from '../support/temp-dir.ts';
import { sample } from '../support/thorough.ts';

/** The device /dev/zero, which does no harm, under a name that no container gives it. */
const ZERO = { major: 1, minor: 5 };
const NODES = makeTar([
  [{ path: 'node', type: 'char', device: ZERO, mode: 0o666 }],
  [{ path: 'var', type: 'directory', mode: 0o755 }],
  [{ path: 'var/node', type: 'char', device: ZERO, mode: 0o666 }],
]);

/** A shell command that says of each path whether it can be opened. */
const opened = (...paths: string[]) =>
  `for node in ${paths.join(' ')}; do [ -e $node ] || continue; (: <$node) 2>/dev/null && echo $node open; (: >$node) 2>/dev/null && echo $node writable; done; true`;

const isRoot = process.getuid?.() === 0;

for (const { name, options } of sample(WORKER_MODES, 2)) {
  describe.each(isRoot ? ['root', 'single'] : ['single'])(
    `device nodes on ${name}, isolation %s`,
    (isolation) => {
      let sandbox: TestSandbox | string;
      let folder: string;
      let layers: string[];

      beforeAll(async () => {
        folder = tempDir();
        sandbox = await openSandbox({ ...options, ...(isolation === 'single' ? { isolation } : {}) });
        if (sandbox instanceof TestSandbox) layers = [sandbox.base, await sandbox.addLayer('nodes', NODES)];
      });
      afterAll(async () => {
        if (sandbox instanceof TestSandbox) await sandbox.close();
      });
      beforeEach((ctx) => {
        if (typeof sandbox === 'string') ctx.skip(sandbox);
      });

      it('of an image cannot be opened', async () => {
        const script = opened('/node', '/var/node');
        const user = isolation === 'single' ? '' : 'node';
        for (const how of [{}, { user }, { readonlyRoot: true }])
          expect(await (sandbox as TestSandbox).text(script, { layers, ...how })).toBe('');
        // What can be opened is there all the same.
        if (isolation === 'root')
          expect(await (sandbox as TestSandbox).text('stat -c %t:%T /node', { layers })).toBe('1:5');
      });

      it('that a command makes cannot be opened, wherever it makes them', async (ctx) => {
        if (isolation !== 'root') ctx.skip('in a user namespace no node can be made');
        const places = ['/n', '/tmp/n', '/dev/n', '/dev/shm/n', '/t/n', '/v/n', '/b/n'];
        mkdirSync(join(folder, 'b'), { recursive: true });
        const script = `for node in ${places.join(' ')}; do mknod $node c 1 5 || echo $node not made; done; ${opened(...places)}`;
        expect(
          await (sandbox as TestSandbox).text(script, {
            layers: [(sandbox as TestSandbox).base],
            mounts: [
              { type: 'tmpfs', target: '/t', options: ['dev'] },
              { type: 'volume', target: '/v' },
              { type: 'bind', target: '/b', source: join(folder, 'b'), readonly: false, recursive: true },
            ],
          }),
        ).toBe('');
      });

      it('of a stage, a cache and a folder of the machine cannot be opened', async (ctx) => {
        if (!isRoot) ctx.skip('only root can make the nodes');
        const { base } = sandbox as TestSandbox;
        const source = join(folder, 'machine');
        mkdirSync(join(source, 'below'), { recursive: true });
        execFileSync('mknod', ['-m', '666', join(source, 'n'), 'c', '1', '5']);
        // A mount inside of what is mounted.
        execFileSync(needTool('mount'), ['-t', 'tmpfs', 'tmpfs', join(source, 'below')]);
        try {
          execFileSync('mknod', ['-m', '666', join(source, 'below/n'), 'c', '1', '5']);
          const cache = { id: 'nodes', uid: 0, gid: 0, mode: 0o755 };
          const mount = {
            type: 'cache',
            target: '/c',
            cache,
            path: '',
            readonly: false,
            sharing: 'shared',
          } as const;
          if (isolation === 'root') {
            await (sandbox as TestSandbox).text('mknod -m 666 /c/n c 1 5', { mounts: [mount] });
          }
          expect(
            await (sandbox as TestSandbox).text(
              opened('/m/n', '/m/below/n', '/r/n', '/r/below/n', '/s/n', '/s1', '/c/n', '/f'),
              {
                layers: [base],
                mounts: [
                  { type: 'bind', target: '/m', source, readonly: false, recursive: true },
                  { type: 'bind', target: '/r', source, readonly: true, recursive: true },
                  { type: 'bind', target: '/f', source: join(source, 'n'), readonly: false },
                  {
                    type: 'tree',
                    target: '/s',
                    from: { path: 'var', layers },
                    kind: 'directory',
                    readonly: false,
                  },
                  mount,
                ],
              },
            ),
          ).toBe('/f open\n/f writable');
        } finally {
          execFileSync('umount', [join(source, 'below')]);
        }
      });

      it('of every /dev can, and /dev/null under another name', async () => {
        const { base } = sandbox as TestSandbox;
        const devices = ['null', 'zero', 'full', 'random', 'urandom'].map((device) => `/dev/${device}`);
        expect(
          await (sandbox as TestSandbox).text(opened(...devices, '/masked'), {
            layers: [base],
            mounts: [
              { type: 'bind', target: '/masked', source: '/dev/null', readonly: false, recursive: true },
            ],
          }),
        ).toBe([...devices, '/masked'].flatMap((path) => [`${path} open`, `${path} writable`]).join('\n'));
      });

      it('nothing is mounted with devices but those of /dev, and its terminals', async () => {
        const mounts = await (sandbox as TestSandbox).text('cat /proc/self/mountinfo', {
          layers: [(sandbox as TestSandbox).base],
          mounts: [
            { type: 'tmpfs', target: '/t' },
            { type: 'volume', target: '/v' },
            { type: 'secret', target: '/run/secrets/s', data: 's', mode: 0o400, uid: 0, gid: 0 },
          ],
        });
        const open = mounts
          .split('\n')
          .map((line) => line.split(' '))
          .filter(([, , , , , flags]) => !flags!.split(',').includes('nodev'))
          .map(([, , , , point]) => point!)
          // A runtime hides and protects what is the kernel's own without that flag: no nodes can be made there.
          .filter((point) => !/^\/(proc|sys)(\/|$)/.test(point));
        const devices = ['full', 'null', 'random', 'tty', 'urandom', 'zero'].map(
          (device) => `/dev/${device}`,
        );
        expect(open.sort()).toEqual([...devices, '/dev/pts'].sort());
      });
    },
  );
}

describe('a hardened container', () => {
  it.skipIf(!isRoot)('opens no node of its image, whatever its mode', async () => {
    const builds = await TestBuilds.create({});
    try {
      builds.write({ 'nodes.tar': NODES });
      await builds.build('FROM base\nADD nodes.tar /\nUSER 1000\n', { tags: ['nodes'] });
      const run = ended(
        startCommand(
          ['run', '--hardened', 'nodes', '/bin/sh', '-c', `id -u; ${opened('/node', '/var/node')}`],
          {
            home: builds.home,
            cwd: builds.folder,
          },
        ),
      );
      expect(await run).toMatchObject({ code: 0, out: '1000\n' });
    } finally {
      builds.remove();
    }
  });
});
