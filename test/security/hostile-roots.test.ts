import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { JettisonError } from '../../src/errors/error.ts';
import type { Entry } from '../../src/layer/entry.ts';
import type { ExecMount } from '../../src/protocol/exec-request.ts';
import { makeTar } from '../support/images.ts';
import { openSandbox, TestSandbox, WORKER_MODES } from '../support/sandbox.ts';
import { tempDir } from '../support/temp-dir.ts';
import { sample } from '../support/thorough.ts';

const isRoot = process.getuid?.() === 0;
const secret: ExecMount = {
  type: 'secret',
  target: '/run/secrets/s',
  data: 's',
  mode: 0o444,
  uid: 0,
  gid: 0,
};
const tmpfs: ExecMount = { type: 'tmpfs', target: '/mnt/deep/t' };

/** Paths at which something is mounted or made, or that lead there. */
const PATHS = [
  ...['dev', 'proc', 'sys', 'etc', 'etc/hosts', 'etc/hostname', 'etc/resolv.conf', 'run', 'run/secrets'],
  ...['run/secrets/s', 'var', 'var/run', 'tmp', 'mnt', 'mnt/deep', 'mnt/deep/t', 'job', 'job/here'],
  ...['dev/pts', 'dev/shm', 'dev/mqueue', 'dev/null', 'dev/console', 'proc/self', 'sys/fs'],
];

/** Where mounts are made in another way: what they meet first. */
const FEW_PATHS = ['dev', 'proc', 'sys', 'etc/hosts', 'run/secrets', 'dev/null'];
const FEW_SHAPES = ['link', 'chain', 'file'];

const CANARY = ['deep 40755 ', 'hosts 100644 canary'];

/** What a hostile image has there. @param canary absolute path of a folder of the machine */
const SHAPES: Record<string, (path: string, canary: string) => [Partial<Entry>][]> = {
  link: (path, canary) => [[{ path, type: 'symlink', link: canary }]],
  'relative link': (path, canary) => [[{ path, type: 'symlink', link: `../../../../../..${canary}` }]],
  chain: (path, canary) => [
    [{ path: 'chain', type: 'symlink', link: canary }],
    [{ path, type: 'symlink', link: '/chain' }],
  ],
  'link to its parent': (path) => [[{ path, type: 'symlink', link: '..' }]],
  loop: (path) => [[{ path, type: 'symlink', link: `/${path}` }]],
  'link into /proc': (path) => [[{ path, type: 'symlink', link: '/proc/1/root/tmp' }]],
  'link into /dev': (path) => [[{ path, type: 'symlink', link: '/dev/fd/3/x' }]],
  file: (path) => [[{ path, type: 'file', mode: 0o644 }]],
  FIFO: (path) => [[{ path, type: 'fifo', mode: 0o644 }]],
  device: (path) => [[{ path, type: 'char', mode: 0o666, device: { major: 1, minor: 5 } }]],
};

for (const { name, options } of sample(WORKER_MODES, 2)) {
  describe.each(isRoot ? ['root', 'single'] : ['single'])(
    `hostile images on ${name}, isolation %s`,
    (isolation) => {
      let sandbox: TestSandbox | string;
      let canary: string;
      const all = name === 'namespaces' && isolation === 'root';

      beforeAll(async () => {
        canary = tempDir();
        mkdirSync(join(canary, 'deep'));
        writeFileSync(join(canary, 'hosts'), 'canary');
        chmodSync(join(canary, 'deep'), 0o755);
        chmodSync(join(canary, 'hosts'), 0o644);
        sandbox = await openSandbox({ ...options, ...(isolation === 'single' ? { isolation } : {}) });
      });
      afterAll(async () => {
        if (sandbox instanceof TestSandbox) await sandbox.close();
      });
      beforeEach((ctx) => {
        if (typeof sandbox === 'string') ctx.skip(sandbox);
      });

      it.each(sample(all ? PATHS : FEW_PATHS, 3))(
        'with something else at /%s reach nothing of the machine',
        async (path) => {
          for (const [shape, members] of Object.entries(SHAPES)) {
            if (!all && !FEW_SHAPES.includes(shape)) continue;
            const layer = await (sandbox as TestSandbox).addLayer(
              `${path} ${shape}`,
              makeTar(members(path, canary)),
            );
            const outcome = await attempt(sandbox as TestSandbox, layer);
            expect([shape, snapshot(canary)]).toEqual([shape, CANARY]);
            expect([shape, outcome]).toEqual([
              shape,
              expect.stringMatching(
                /^(ran$|(MOUNT_TARGET|SYMLINK_LOOP|RUN_CWD)$|failed: .*(director|symbolic))/,
              ),
            ]);
          }
        },
      );
    },
  );
}

/** What comes of a command on the base with a layer above it. */
async function attempt(sandbox: TestSandbox, layer: string): Promise<string> {
  const command = 'test -c /dev/null && echo x >/dev/null && test -d /proc/self && echo ran';
  try {
    const { exitCode, stdout, stderr } = await sandbox.run(command, {
      ...{ layers: [sandbox.base, layer], mounts: [secret, tmpfs], cwd: '/job/here' },
    });
    // A working directory that is none may keep a command from running.
    return exitCode === 0 ? stdout.trim() : `failed: ${stderr}`;
  } catch (error) {
    if (!(error instanceof JettisonError)) throw error;
    return error.code;
  }
}

/** All that is in a folder: names, modes and contents. */
function snapshot(folder: string): string[] {
  return (readdirSync(folder, { recursive: true }) as string[]).sort().map((name) => {
    const path = join(folder, name);
    const stat = lstatSync(path);
    return `${name} ${stat.mode.toString(8)} ${stat.isFile() ? readFileSync(path, 'utf8') : ''}`;
  });
}
