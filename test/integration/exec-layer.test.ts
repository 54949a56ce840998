import { existsSync, lstatSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { makeTar } from '../support/images.ts';
import { identity, openSandbox, type TestSandbox, WORKER_MODES } from '../support/sandbox.ts';
import { sample } from '../support/thorough.ts';

describe.each(sample(WORKER_MODES, 2))('$name', ({ options }) => {
  let sandbox: TestSandbox;
  let why: string | undefined;

  beforeAll(async () => {
    const opened = await openSandbox(options);
    if (typeof opened === 'string') why = opened;
    else sandbox = opened;
  });
  afterAll(() => sandbox?.close());
  beforeEach((ctx) => {
    if (why !== undefined) ctx.skip(why);
  });

  /** Runs and commits; gives the layer's paths. */
  async function changes(name: string, command: string, options = {}): Promise<string[]> {
    const { layer, exitCode, stderr } = await sandbox.run(command, { commit: name, ...options });
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(layer).toMatchObject({ id: identity(name).id, key: identity(name).key, kind: 'run' });
    return sandbox.paths(layer!.id);
  }

  describe('the layer of a command', () => {
    it('contains exactly the created, changed and deleted files', async () => {
      const script =
        'echo x >/etc/new; rm /usr/a; echo more >>/usr/b; mkdir -p /d/e; ln -s /d /s; cat /etc/passwd >/dev/null';
      expect(await changes('changes', script)).toEqual([
        'd',
        'd/e',
        'etc',
        'etc/new',
        's',
        'usr',
        '-usr/a',
        'usr/b',
      ]);
      const seen = await sandbox.text('cat /etc/new /usr/b; ls /usr /', {
        layers: [sandbox.base, identity('changes').id],
      });
      expect(seen).toBe('x\nbmore\n/:\nbin\nd\ndev\netc\nhome\nproc\ns\nsys\ntmp\nusr\n\n/usr:\nb');
    });

    it('may stand in an image more than once', async () => {
      await changes('repeated', 'echo one >/usr/one; rm /usr/a');
      const again = identity('repeated').id;
      const below = [sandbox.base, again];
      await changes('between', 'rm /usr/one; echo back >/usr/a', { layers: below });
      const layers = [...below, identity('between').id, again];
      expect(
        await sandbox.text('ls /usr; ls /m/usr', {
          layers,
          mounts: [
            { type: 'tree', target: '/m', from: { layers, path: '' }, kind: 'directory', readonly: true },
          ],
        }),
      ).toBe('b\none\nb\none');
      expect(await changes('on-top', 'rm /usr/one', { layers })).toEqual(['usr', '-usr/one']);
    });

    it('is empty when nothing was changed', async () => {
      const { layer } = await sandbox.run('cat /etc/passwd /etc/hosts >/dev/null; ls -la /', {
        commit: 'nothing',
      });
      expect(layer).toMatchObject({ entries: 0, size: 0 });
    });

    it('replaces a directory as a whole', async () => {
      expect(await changes('replaced', 'rm -r /usr; mkdir /usr; echo >/usr/c')).toEqual(['usr', 'usr/c']);
      const layers = [sandbox.base, identity('replaced').id];
      expect(await sandbox.text('ls /usr', { layers })).toBe('c');
      // And what is put below that layer later does not shine through.
      expect(
        await sandbox.text('ls /usr', {
          layers: [...layers, await sandbox.addLayer('d', makeTar([['usr/d', '']]))],
        }),
      ).toBe('c\nd');
    });

    it('contains no mount points or mounted files', async () => {
      const mounts = [
        { type: 'secret', target: '/run/secrets/token', data: 'geheim', mode: 0o400, uid: 0, gid: 0 },
        { type: 'secret', target: '/new/place/file', data: 'x', mode: 0o444, uid: 0, gid: 0 },
        { type: 'tmpfs', target: '/var/cache' },
      ];
      expect(
        await changes('stubs', 'echo >/var/cache/x; cat /run/secrets/token >/dev/null', { mounts }),
      ).toEqual([]);
      expect(await changes('beside', 'echo >/run/pid; echo >/etc/own', { mounts })).toEqual([
        'etc',
        'etc/own',
        'run',
        'run/pid',
      ]);
    });

    it('gets its working directory when that is missing', async () => {
      expect(await changes('cwd', 'pwd >/dev/null', { cwd: '/srv/app' })).toEqual(['srv', 'srv/app']);
    });

    it('is not made when the command fails', async () => {
      const { exitCode, layer } = await sandbox.run('echo >/x; false', { commit: 'failed' });
      expect({ exitCode, layer }).toEqual({ exitCode: 1, layer: undefined });
      expect(existsSync(sandbox.test.store.layout.layer(identity('failed').id))).toBe(false);
    });

    it('does not wait for processes that are left, and they write no more', async () => {
      expect(await changes('daemon', '(sleep 0.3; echo >/late) & echo >/early')).toEqual(['early']);
      expect(sandbox.temporaries()).toEqual([]);
    });

    it('is the same when two runs of one key end at once', async () => {
      const [one, two] = await Promise.all([
        sandbox.run('echo same >/same', { commit: 'twice' }),
        sandbox.run('echo same >/same', { commit: 'twice' }),
      ]);
      expect([one.exitCode, two.exitCode]).toEqual([0, 0]);
      expect(sandbox.paths(identity('twice').id)).toEqual(['same']);
      expect(sandbox.temporaries()).toEqual([]);
    });
  });

  describe('stacks of layers', () => {
    it('may be empty', async () => {
      const { exitCode } = await sandbox.run(['/x'], { layers: [] });
      expect(exitCode).toBe(127);
    });

    it('may be as high as overlayfs takes', async () => {
      const layers = [sandbox.base];
      for (let i = 0; i < 200; i++)
        layers.push(await sandbox.addLayer(`n${i}`, makeTar([[`many/${i}`, `${i}`]])));
      expect(await sandbox.text('ls /many | wc -l; cat /many/199', { layers })).toBe('200\n199');
    });

    it('may hide the mount points of a run', async () => {
      const hides = await sandbox.addLayer(
        'hides',
        makeTar([
          ['etc/.wh.hosts', ''],
          ['etc/.wh.resolv.conf', ''],
          ['.wh.dev', ''],
        ]),
      );
      const opaque = await sandbox.addLayer(
        'opaque',
        makeTar([
          ['etc/.wh..wh..opq', ''],
          ['etc/passwd', 'root:x:0:0::/:/bin/sh'],
        ]),
      );
      for (const layer of [hides, opaque]) {
        const layers = [sandbox.base, layer];
        expect(await sandbox.text('head -n 1 /etc/hosts; ls /dev/null', { layers })).toContain('localhost');
        const { layer: made } = await sandbox.run('echo >/etc/mine', { layers, commit: `over-${layer}` });
        expect(sandbox.paths(made!.id)).toEqual(['etc', 'etc/mine']);
      }
    });

    it('resolve symlinks on the way to a mount point inside the root', async () => {
      const links = await sandbox.addLayer(
        'links',
        makeTar([
          [{ path: 'run', type: 'symlink', link: '../../../../../../var/run', mode: 0o777 }],
          [{ path: 'var/run', type: 'directory', mode: 0o755 }],
          [{ path: 'out', type: 'symlink', link: '/tmp/jettison-out', mode: 0o777 }],
        ]),
      );
      const mounts = [
        { type: 'secret', target: '/run/secrets/a', data: 'A', mode: 0o444, uid: 0, gid: 0 } as const,
        { type: 'secret', target: '/out/b', data: 'B', mode: 0o444, uid: 0, gid: 0 } as const,
      ];
      const layers = [sandbox.base, links];
      expect(await sandbox.text('cat /var/run/secrets/a /tmp/jettison-out/b', { layers, mounts })).toBe('AB');
      expect(existsSync('/tmp/jettison-out')).toBe(false);
    });

    it('keep owners and modes of directories that are only passed through', async () => {
      expect(await sandbox.text('stat -c "%u:%g %a" /home/node /tmp', { user: 'node' })).toBe(
        '1000:1000 755\n0:0 1777',
      );
      const { layer } = await sandbox.run('echo >/home/node/x', { user: 'node', commit: 'through' });
      const x = lstatSync(
        join(sandbox.test.store.layout.layerDirectory(layer!.id, sandbox.worker.forms[0]), 'home/node/x'),
      );
      expect(x.isFile()).toBe(true);
      expect(await sandbox.text('stat -c %u:%g /home/node/x', { layers: [sandbox.base, layer!.id] })).toBe(
        '1000:1000',
      );
    });
  });

  describe('mounts', () => {
    it('shows a secret with its mode and owner, read-only', async () => {
      const mounts = [
        { type: 'secret', target: '/s', data: 'geheim', mode: 0o440, uid: 1000, gid: 44 } as const,
      ];
      expect(await sandbox.text('cat /s; stat -c " %a %u:%g" /s; echo >/s || echo kept', { mounts })).toBe(
        'geheim 440 1000:44\nkept',
      );
      expect((await sandbox.run('cat /s', { mounts, user: '1234' })).exitCode).toBe(1);
    });

    it('runs a script that is handed in', async () => {
      const mounts = [
        {
          type: 'secret',
          target: '/dev/pipes/EOF',
          data: '#!/bin/sh\necho ran',
          mode: 0o755,
          uid: 0,
          gid: 0,
        } as const,
      ];
      expect(await sandbox.text(['/dev/pipes/EOF'], { mounts })).toBe('ran');
    });

    it('nests secrets and directories inside a tmpfs', async () => {
      const mounts = [
        { type: 'tmpfs', target: '/run', mode: 0o755 } as const,
        { type: 'secret', target: '/run/secrets/a', data: 'A', mode: 0o444, uid: 0, gid: 0 } as const,
        { type: 'tmpfs', target: '/run/more/deep' } as const,
      ];
      expect(await sandbox.text('cat /run/secrets/a; echo b >/run/more/deep/b; ls /run', { mounts })).toBe(
        'Amore\nsecrets',
      );
    });

    it('binds a folder of this machine', async () => {
      const mounts = [{ type: 'bind', target: '/mnt/here', source: sandbox.home, readonly: false } as const];
      expect(await sandbox.text('cat /mnt/here/oci-layout', { mounts })).toContain('imageLayoutVersion');
    });

    it.each(['/proc/x', '/etc', '/', '/etc/passwd/x'])('refuses %s as a place for a file', async (target) => {
      const mounts = [{ type: 'secret', target, data: '', mode: 0o444, uid: 0, gid: 0 } as const];
      await expect(sandbox.run('true', { mounts })).rejects.toMatchObject({ code: 'MOUNT_TARGET' });
      expect(sandbox.temporaries()).toEqual([]);
    });
  });
});
