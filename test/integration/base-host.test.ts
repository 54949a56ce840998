import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, realpathSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { listHostBase } from '../../src/base/host.ts';
import { findLibraries } from '../../src/base/libraries.ts';
import { thisMachine } from '../../src/base/machine.ts';
import { comparePaths } from '../../src/layer/entry.ts';
import { tempDir } from '../support/temp-dir.ts';

const CLI = new URL('../../dist/cli.js', import.meta.url).pathname;
let home: string;

beforeAll(async () => {
  home = tempDir();
});
afterAll(async () => {
  jettison({ home }, 'builder', 'prune', '-af');
});

function jettison(store: { home: string }, ...args: string[]) {
  return spawnSync(process.execPath, [CLI, ...args], {
    encoding: 'utf8',
    env: { ...process.env, JETTISON_HOME: store.home, SOURCE_DATE_EPOCH: '' },
  });
}

describe('listHostBase', () => {
  test("finds the libraries that the kernel's loader gave this Node", () => {
    const found = findLibraries([process.execPath], thisMachine());
    // Of a Node of its own: this one has addons, and the libraries of those.
    const report = spawnSync(
      process.execPath,
      ['-p', 'JSON.stringify(process.report.getReport().sharedObjects)'],
      { encoding: 'utf8' },
    );
    const sharedObjects = JSON.parse(report.stdout) as string[];
    const loaded = sharedObjects
      .filter((path) => path.startsWith('/') && !path.endsWith('.node'))
      .map((path) => realpathSync(path));
    const expected = [...found.libraries.map(({ path }) => path), ...found.interpreters];
    expect(found.missing).toEqual([]);
    expect(new Set([...expected.map((path) => realpathSync(path)), realpathSync(process.execPath)])).toEqual(
      new Set([...loaded, realpathSync(process.execPath)]),
    );
  });

  test('gives the same list every time, in canonical order, all of it owned by the image', async () => {
    const [first, second] = [await listHostBase(), await listHostBase()];
    expect(first).toEqual(second);
    const paths = first.entries.map(({ path }) => path);
    expect(paths).toEqual([...paths].sort(comparePaths));
    for (const { path, uid, mtime, mode } of first.entries) {
      expect({ path, mtime, setuid: mode & 0o6000 }).toEqual({ path, mtime: 0, setuid: 0 });
      if (!path.startsWith('home/')) expect({ path, uid }).toEqual({ path, uid: 0 });
    }
    for (const path of ['usr/local/bin/node', 'etc/passwd', 'home/node', 'tmp', 'etc/os-release']) {
      expect(paths).toContain(path);
    }
  });

  test('the slim one has neither shell nor npm', async () => {
    const { entries } = await listHostBase({ slim: true, time: 1700000000 });
    const names = entries
      .filter(({ type }) => type !== 'directory')
      .map(({ path }) => path.split('/').at(-1));
    for (const name of ['sh', 'bash', 'npm', 'env', 'busybox']) expect(names).not.toContain(name);
    expect(names).toContain('node');
    expect(entries.every(({ mtime }) => mtime === 1700000000)).toBe(true);
  });

  test("none of the machine's accounts gets into it", async () => {
    const { entries } = await listHostBase({ slim: true });
    const passwd = entries.find(({ path }) => path === 'etc/passwd')!;
    expect(passwd.source?.kind).toBe('inline');
    const text = Buffer.from((passwd.source as { data: string }).data, 'base64').toString();
    expect(text).toContain('node:x:1000:1000:node:/home/node:/usr/sbin/nologin\n');
    expect(text.split('\n').filter(Boolean)).toHaveLength(8);
  });
});

describe('jettison base host', () => {
  test('makes an image; a second time it is the same one, and nothing is packed', () => {
    const first = jettison({ home }, 'base', 'host', '--slim', '-t', 'made:slim');
    expect(first.stderr).toBe('');
    expect(first.status).toBe(0);
    const second = jettison({ home }, 'base', 'host', '--slim', '-t', 'made:slim', '-t', 'made:again');
    expect(second.stdout).toContain('made:slim, made:again: Node ');
    expect(second.stdout).toContain('unchanged');
    expect(second.stdout.split('\n')[1]).toBe(first.stdout.split('\n')[1]);
    expect(jettison({ home }, 'base', 'host', '--slim', '-q', '-t', 'made').stdout.trim()).toBe(
      first.stdout.split('\n')[1],
    );
  });

  test('another store gives the same digest', async () => {
    const other = tempDir();
    const made = jettison({ home: other }, 'base', 'host', '--slim', '-q', '-t', 'made:slim');
    expect(made.stdout).toMatch(/^sha256:[0-9a-f]{64}\n$/);
    const digests = (store: string) =>
      jettison({ home: store }, 'inspect', '-f', '{{.Id}} {{.Descriptor.digest}}', 'made:slim').stdout;
    expect(digests(other)).toBe(digests(home));
  });

  test('the image runs: Node, npm, a shell, and useradd where this machine has it', (ctx) => {
    expect(jettison({ home }, 'base', 'host', '-t', 'made:full').status).toBe(0);
    const run = (command: string) => jettison({ home }, 'run', 'made:full', '/bin/sh', '-ec', command);
    const node = run('node -p process.version; whoami; npm --version');
    if (node.status === 125) ctx.skip(`nothing can run here: ${node.stderr.split('\n')[0]}`);
    expect(node.stderr).toBe('');
    expect(node.stdout.split('\n').slice(0, 2)).toEqual([process.version, 'root']);
    if (!existsSync('/usr/sbin/useradd')) return;
    expect(run('groupadd -r app && useradd -r -g app app && id -un app').stdout).toBe('app\n');
  });

  test('its shell restores the terminal and returns its exit code', async (ctx) => {
    const script = ['/usr/bin/script', '/bin/script'].find((path) => existsSync(path));
    if (script === undefined) return ctx.skip('script (bsdutils) is not installed');
    if (jettison({ home }, 'run', 'made:full', '/bin/sh', '-c', ':').status === 125)
      ctx.skip('nothing can run here');
    const run = `${process.execPath} ${CLI} run -it made:full /bin/sh`;
    const command = `${run}; code=$?; echo "ended with $code"; read line; echo "$code $line"`;
    const ran = spawn(script, ['-qec', command, '/dev/null'], {
      env: { ...process.env, JETTISON_HOME: home, SHELL: '/bin/sh' },
    });
    let shown = '';
    let isTyped = false;
    ran.stdout.setEncoding('utf8').on('data', (text: string) => {
      shown += text;
      // What is typed ahead belongs to the shell in the container.
      if (isTyped || !shown.includes('ended with 6')) return;
      isTyped = true;
      ran.stdin.write('typed\n');
    });
    ran.stdin.write('exit 6\n');
    await once(ran, 'close');
    expect(shown).not.toContain('process group');
    expect(shown).toContain('6 typed');
  });

  test('rejects a command line without a kind or a name', () => {
    for (const args of [[], ['other', '-t', 'x'], ['host'], ['host', '-t', 'x', 'y']]) {
      const { status, stderr } = jettison({ home }, 'base', ...args);
      expect(stderr).toContain('jettison base host');
      expect(status).toBe(2);
    }
  });
});

test('the example names the accounts that both bases have', async () => {
  const { entries } = await listHostBase({ slim: true });
  const passwd = entries.find(({ path }) => path === 'etc/passwd')!.source as { data: string };
  const names = Buffer.from(passwd.data, 'base64')
    .toString()
    .match(/^[^:]+/gm);
  for (const file of ['Dockerfile', 'Dockerfile.distroless']) {
    const text = await readFile(new URL(`../../examples/api/${file}`, import.meta.url), 'utf8');
    expect(names).toContain(/^USER (\S+)$/m.exec(text)![1]);
  }
});
