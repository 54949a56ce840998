import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { resolveMount } from '../../../src/dockerfile/mount.ts';
import { parseDockerfile } from '../../../src/dockerfile/parse.ts';
import { runDockerfile } from '../../../src/fleet/run-dockerfile.ts';
import type { RemoteMount, RemoteRun } from '../../../src/protocol/remote-run.ts';

const run = (parts: Partial<RemoteRun>): RemoteRun => ({
  ...{ stage: 's', title: 'RUN x', platform: { os: 'linux', architecture: 'amd64' }, below: [], args: ['x'] },
  ...{ env: [], hiddenEnv: [], cwd: '/', user: '', network: 'default', insecure: false, hostname: undefined },
  ...{ script: undefined, mounts: [], hosts: [], ulimits: [], shmSize: undefined, timeoutMs: undefined },
  noCache: false,
  ...parts,
});

describe('the Dockerfile of a command', () => {
  test('has the arguments as they are', () => {
    const args = ['/bin/sh', '-c', 'echo "$A" \\\n  <<EOF\n$(x) \\ é\nEOF'];
    const text = runDockerfile(run({ args }));
    expect(text.split('\n')).toHaveLength(3);
    const { instructions } = parseDockerfile(text, 'Dockerfile').stages[0]!;
    expect(instructions).toMatchObject([{ kind: 'RUN' }]);
    expect(JSON.parse(text.slice(text.indexOf('[')))).toEqual(args);
  });

  test('has mounts, network and privileges', () => {
    const owned = { mode: 0o400, uid: 1, gid: 2 };
    const mounts: RemoteMount[] = [
      { type: 'secret', id: 'tok', target: '/run/a,b $x', required: true, ...owned },
      { type: 'cache', id: 'npm', target: '/root/.npm', readOnly: false, sharing: 'locked', ...owned },
      { type: 'tmpfs', target: '/t', size: 10 },
      { type: 'ssh', id: 'default', target: '/agent', required: false, ...owned },
    ];
    expect(runDockerfile(run({ mounts, network: 'host', insecure: true }))).toBe(
      'FROM below\nRUN ' +
        '--mount=type=secret,id=tok,\\"target=/run/a,b\\ \\\\$x\\",required=true,mode=400,uid=1,gid=2 ' +
        '--mount=type=cache,id=npm,target=/root/.npm,sharing=locked,mode=400,uid=1,gid=2 ' +
        '--mount=type=tmpfs,target=/t,size=10 ' +
        '--mount=type=ssh,id=default,target=/agent,required=false,mode=400,uid=1,gid=2 ' +
        '--network=host --security=insecure ["x"]\n',
    );
  });

  test('has mounts whose fields are read as they are', () => {
    const owned = { mode: 0o400, uid: 1, gid: 2 };
    const path = fc
      .string({ unit: fc.constantFrom(...'ab/,"\'\\$={} \t\u00a0\u0085<`#') })
      .map((text) => `/${text}`);
    fc.assert(
      fc.property(path, path, (target, id) => {
        const mount: RemoteMount = { type: 'secret', id, target, required: true, ...owned };
        const [instruction] = parseDockerfile(runDockerfile(run({ mounts: [mount] })), 'Dockerfile')
          .stages[0]!.instructions;
        if (instruction?.kind !== 'RUN') throw new Error('not a RUN');
        expect(instruction.mounts.map((flag) => resolveMount(flag, () => 'expanded'))).toEqual([
          { ...mount, readOnly: true },
        ]);
        expect(instruction.command).toMatchObject({ form: 'exec', args: ['x'] });
      }),
    );
  });

  test('is refused with a line break in a mount', () => {
    const mounts: RemoteMount[] = [{ type: 'tmpfs', target: '/a\nRUN b' }];
    expect(() => runDockerfile(run({ mounts }))).toThrow('line break');
  });
});
