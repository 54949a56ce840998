import { posix } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDockerfile } from '../../../src/dockerfile/parse.ts';
import { JettisonError } from '../../../src/errors/error.ts';
import { sha256 } from '../../../src/image/digest.ts';
import type { RuntimeConfig } from '../../../src/image/types.ts';
import { imageKey, type PlanInput } from '../../../src/plan/input.ts';
import type { BaseImage, Plan, RunStep } from '../../../src/plan/plan.ts';
import { planBuild } from '../../../src/plan/planner.ts';

const LINUX = { os: 'linux', architecture: 'amd64' };

function base(reference: string, config: RuntimeConfig = {}): BaseImage {
  return {
    reference,
    digest: sha256(reference),
    platform: LINUX,
    config: { Env: ['PATH=/bin'], ...config },
    history: [],
    layers: [],
  };
}

/** Plans a Dockerfile, answering every request for a base with one of these (or a plain one). */
function plan(
  text: string,
  options: Partial<PlanInput> = {},
  bases: Record<string, RuntimeConfig> = {},
): Plan {
  const images = new Map<string, BaseImage>();
  for (;;) {
    const result = planBuild({
      dockerfile: parseDockerfile(text, 'Dockerfile'),
      buildArgs: {},
      labels: {},
      platform: LINUX,
      buildPlatform: LINUX,
      network: 'host',
      ...options,
      images,
    });
    if (result.kind === 'plan') return result.plan;
    for (const request of result.images) {
      const config = bases[request.reference] ?? {};
      images.set(imageKey(request), base(request.reference, config));
    }
  }
}

function failure(text: string, options: Partial<PlanInput> = {}): JettisonError {
  try {
    plan(text, options);
  } catch (error) {
    if (error instanceof JettisonError) return error;
    throw error;
  }
  throw new Error('it was planned');
}

const runs = (planned: Plan) =>
  planned.stages.flatMap(({ steps }) => steps.filter((step): step is RunStep => step.kind === 'run'));

describe('stages', () => {
  const four =
    'FROM a AS one\nRUN 1\nFROM b AS two\nRUN 2\nFROM c AS three\nCOPY --from=one /x /\nFROM three\nRUN 4\n';

  it('only those are planned that the target reaches, in the order of the file', () => {
    expect(plan(four).stages.map(({ name }) => name)).toEqual(['one', 'three', 'stage-3']);
    expect(plan(four, { target: 'TWO' }).stages.map(({ name }) => name)).toEqual(['two']);
  });

  it('an unknown target names the near one', () => {
    expect(failure(four, { target: 'tow' })).toMatchObject({
      code: 'STAGE_UNKNOWN',
      hint: 'Did you mean "two"?',
    });
  });

  it('rejects a number as a target', () => {
    expect(failure('FROM a AS one\n', { target: '0' }).code).toBe('STAGE_UNKNOWN');
  });

  it('scratch can be copied from, and is for the platform of the build', () => {
    const planned = plan('FROM --platform=linux/arm64 scratch\nCOPY --from=scratch / /x\n');
    expect(planned.target.platform).toEqual(LINUX);
    expect(planned.target.steps[0]).toMatchObject({ from: { kind: 'image', image: { layers: [] } } });
  });

  it('a stage copies neither from itself nor from a later one', () => {
    const later = failure('FROM a AS one\nCOPY --from=two /x /\nFROM b AS two\nFROM one\n');
    expect(later).toMatchObject({ code: 'STAGE_LATER', location: { line: 2 } });
    expect(failure('FROM a AS one\nCOPY --from=one /x /\n').code).toBe('STAGE_LATER');
    expect(failure('FROM a\nCOPY --from=3 /x /\n').code).toBe('STAGE_UNKNOWN');
  });

  it('bases that only unneeded stages have are not asked for', () => {
    const asked = planBuild({
      dockerfile: parseDockerfile(four, 'Dockerfile'),
      target: 'two',
      buildArgs: {},
      labels: {},
      platform: LINUX,
      buildPlatform: LINUX,
      network: 'host',
      images: new Map(),
    });
    expect(asked).toMatchObject({ kind: 'missing', images: [{ reference: 'docker.io/library/b:latest' }] });
  });

  it('a base trigger runs first, is not inherited, and may bring in a stage of its own', () => {
    const planned = plan(
      'FROM scratch AS tools\nCOPY x /\nFROM parent AS child\nRUN own\nFROM child\nRUN last\n',
      {},
      {
        'docker.io/library/parent:latest': { OnBuild: ['RUN trigger', 'COPY --from=tools /x /'] },
      },
    );
    expect(planned.stages.map(({ name }) => name)).toEqual(['tools', 'child', 'stage-2']);
    expect(planned.stages[1]!.steps.map(({ title }) => title)).toEqual([
      'ONBUILD RUN trigger',
      'ONBUILD COPY --from=tools /x /',
      'RUN own',
    ]);
    expect(planned.target.steps.map(({ title }) => title)).toEqual(['RUN last']);
    expect(planned.target.config.OnBuild).toBeUndefined();
  });
});

describe('variables', () => {
  it('arguments before FROM serve FROM, and a stage only once it declares them', () => {
    const planned = plan('ARG V=20\nFROM node:${V}-slim\nRUN a\nARG V\nRUN b\n');
    expect(planned.target.base).toMatchObject({ image: { reference: 'docker.io/library/node:20-slim' } });
    expect(runs(planned).map(({ env }) => env.filter((pair) => pair.startsWith('V=')))).toEqual([
      [],
      ['V=20'],
    ]);
  });

  it('a build argument overrides defaults, and is nothing to stages that do not declare it', () => {
    const planned = plan('FROM a\nARG X=1\nENV Y=$X\nFROM b AS last\nENV Z=$X\nCOPY --from=0 /y /\n', {
      buildArgs: { X: '2' },
    });
    expect(planned.stages[0]!.config.Env).toContain('Y=2');
    expect(planned.target.config.Env).toContain('Z=');
  });

  it('one instruction sees one snapshot', () => {
    const planned = plan('FROM a\nENV x=old\nENV x=new y=$x\n');
    expect(planned.target.config.Env).toEqual(['PATH=/bin', 'x=new', 'y=old']);
  });

  it('arguments of one line see each other', () => {
    const planned = plan('FROM a\nARG x=1 y=$x\nENV z=$y\n');
    expect(planned.target.config.Env).toContain('z=1');
  });

  it('TARGETSTAGE is the requested target, else the name of the last stage', () => {
    const text = 'FROM a AS One\nARG TARGETSTAGE\nENV s=$TARGETSTAGE\n';
    expect(plan(text).target.config.Env).toContain('s=one');
    expect(plan(text, { target: 'ONE' }).target.config.Env).toContain('s=ONE');
    expect(plan(text.replace(' AS One', '')).target.config.Env).toContain('s=default');
  });

  it('an ARG that is given a value does not expand its default', () => {
    const given = { buildArgs: { A: 'given' } };
    for (const fallback of ['${B:?message}', '${B:x}', '$(']) {
      const planned = plan(`FROM a\nARG A=${fallback}\nENV a=$A\n`, given);
      expect(planned.target.config.Env).toContain('a=given');
    }
    expect(failure('FROM a\nARG A=${B:?message}\n').message).toContain('message');
  });

  it('the name of an ARG is taken as written', () => {
    const planned = plan('FROM a\nARG N=NAME\nARG $N=x\nARG "Q"=y\nRUN b\n', { buildArgs: { NAME: 'no' } });
    expect(runs(planned)[0]!.env).toEqual(['PATH=/bin', 'N=NAME', '$N=x', '"Q"=y']);
    expect(planned.target.history.map(({ createdBy }) => createdBy)).toContain('ARG $N=x');
  });

  it('history shows each argument once, with the value that RUN sees', () => {
    const planned = plan('FROM a\nARG x=1 y=2\nENV y=3\nARG x=4\nRUN b\n');
    expect(planned.target.history.at(-1)!.createdBy).toBe('RUN |2 x=4 y=3 /bin/sh -c b # buildkit');
  });

  it('--exclude is taken as written', () => {
    const planned = plan('FROM a\nARG x=1\nCOPY --exclude=$x --chmod=$x a /\n');
    expect(planned.target.steps[0]).toMatchObject({ exclude: ['$x'], chmod: '1' });
  });

  it('a stage built on a stage has its arguments', () => {
    const planned = plan('FROM a AS one\nARG X=1\nFROM one\nRUN b\n');
    expect(runs(planned)[0]!.env).toContain('X=1');
  });

  it('proxy settings reach RUN, but neither its own environment nor history', () => {
    const planned = plan('FROM a\nRUN b\n', { buildArgs: { HTTP_PROXY: 'http://user:pw@p' } });
    expect(runs(planned)[0]).toMatchObject({
      env: ['PATH=/bin'],
      hiddenEnv: ['HTTP_PROXY=http://user:pw@p', 'http_proxy=http://user:pw@p'],
    });
    expect(JSON.stringify(planned.target.history)).not.toContain('pw');
  });

  it('proxy variables reach RUN in upper and lower case, given in either', () => {
    const names = ['HTTP_PROXY', 'HTTPS_PROXY', 'FTP_PROXY', 'NO_PROXY', 'ALL_PROXY'];
    for (const name of names) {
      for (const given of [name, name.toLowerCase(), `${name[0]}${name.slice(1).toLowerCase()}`]) {
        for (const text of ['FROM a\nRUN b\n', `FROM a\nENV ${name}=own\nARG ${given}\nRUN b\n`]) {
          const hidden = runs(plan(text, { buildArgs: { [given]: 'p' } }))[0]!.hiddenEnv;
          expect(hidden).toEqual([`${name}=p`, `${name.toLowerCase()}=p`]);
        }
      }
    }
    expect(runs(plan('FROM a\nRUN b\n', { buildArgs: { http_proxy: '' } }))[0]!.hiddenEnv).toEqual([]);
  });

  it('a required variable fails at its place', () => {
    const error = failure('FROM a\nENV X="${Y:?say what}"\n');
    expect(error).toMatchObject({ location: { line: 2 }, source: 'ENV X="${Y:?say what}"' });
    expect(error.message).toContain('say what');
  });

  it('an empty base name fails at its FROM', () => {
    expect(failure('ARG B\nFROM ${B}\n')).toMatchObject({ code: 'BASE_EMPTY', location: { line: 2 } });
  });
});

describe('config', () => {
  it('ENTRYPOINT resets a CMD of the base, not one of the stage', () => {
    const bases = { 'docker.io/library/a:latest': { Cmd: ['inherited'] } };
    expect(plan('FROM a\nENTRYPOINT ["x"]\n', {}, bases).target.config.Cmd).toBeUndefined();
    expect(plan('FROM a\nCMD ["own"]\nENTRYPOINT ["x"]\n', {}, bases).target.config.Cmd).toEqual(['own']);
  });

  it('the shell form uses the SHELL of the stage, or of its base', () => {
    expect(plan('FROM a\nSHELL ["/bin/bash", "-c"]\nCMD echo $x\n').target.config.Cmd).toEqual([
      '/bin/bash',
      '-c',
      'echo $x',
    ]);
    const bases = { 'docker.io/library/a:latest': { Shell: ['/bin/ash', '-ec'] } };
    expect(runs(plan('FROM a\nRUN x\n', {}, bases))[0]!.args).toEqual(['/bin/ash', '-ec', 'x']);
  });

  it('WORKDIR joins relative ones and keeps absolute ones as written', () => {
    const planned = plan('FROM a\nWORKDIR app\nWORKDIR sub/../x\nRUN a\nWORKDIR /b//c/\n');
    expect(planned.target.steps.map((step) => (step.kind === 'workdir' ? step.path : ''))).toEqual([
      '/app',
      '/app/x',
      '',
      '/b/c',
    ]);
    expect(planned.target.config.WorkingDir).toBe('/b//c/');
  });

  it('WORKDIR goes on where it was when it is empty, and belongs to the user of its stage', () => {
    const planned = plan('FROM a\nWORKDIR /x\nUSER app\nWORKDIR $none\nWORKDIR y\n');
    expect(planned.target.steps).toMatchObject([
      { path: '/x', user: '' },
      { path: '/x', user: 'app' },
      { path: '/x/y', user: 'app' },
    ]);
  });

  it('ports are sorted as they are written, and nothing exposes nothing', () => {
    const planned = plan('FROM a\nENV p=9\nEXPOSE 80 7-8 $p\n');
    expect(planned.target.history.at(-1)!.createdBy).toBe('EXPOSE [9/tcp 7/tcp 8/tcp 80/tcp]');
    expect(plan('FROM a\nEXPOSE $none\n').target.config).not.toHaveProperty('ExposedPorts');
  });

  it('ENTRYPOINT says nothing of escaped arguments', () => {
    expect(plan('FROM a\nENTRYPOINT ["x"]\n').target.config).not.toHaveProperty('ArgsEscaped');
  });

  it('labels of the command line go to the target', () => {
    const planned = plan('FROM a AS one\nLABEL x=1\nFROM one\n', { labels: { y: '2' } });
    expect(planned.target.config.Labels).toEqual({ x: '1', y: '2' });
    expect(planned.stages[0]!.config.Labels).toEqual({ x: '1' });
  });

  it("history is the same as BuildKit's", () => {
    const planned = plan(
      [
        'FROM a',
        'ARG A=1 B',
        'ENV C=d E="f g"',
        'RUN echo "$C" && \\',
        '    true',
        'COPY --chown=1:2 --chmod=755 x y /z/',
        'EXPOSE 80/UDP 7000-7001',
        'HEALTHCHECK --interval=1m30s --retries=3 CMD ["x"]',
        'CMD ["a", "b\\"c"]',
        '',
      ].join('\n'),
    );
    expect(planned.target.history.map(({ createdBy }) => createdBy)).toEqual([
      'ARG A=1 B',
      'ENV C=d E=f g',
      'RUN |2 A=1 B= /bin/sh -c echo "$C" &&     true # buildkit',
      'COPY --chown=1:2 --chmod=755 x y /z/ # buildkit',
      'EXPOSE [7000/tcp 7001/tcp 80/udp]',
      'HEALTHCHECK &{["CMD" "x"] "1m30s" "0s" "0s" "0s" \'\\x03\'}',
      'CMD ["a" "b\\"c"]',
    ]);
  });
});

describe('steps', () => {
  it.each([
    ['x /', '/'],
    ['x .', '/app/'],
    ['x ./', '/app/'],
    ['x dir', '/app/dir'],
    ['x dir/', '/app/dir/'],
    ['x ../y', '/y'],
    ['x /a/../../b/', '/b/'],
    ['x /a/.', '/a/'],
  ])('COPY %s goes to %s', (args, destination) => {
    const planned = plan(`FROM a\nWORKDIR /app\nCOPY ${args}\n`);
    expect(planned.target.steps[1]).toMatchObject({ kind: 'copy', destination });
  });

  it('a heredoc is one command, a script, or the shell’s own', () => {
    const planned = plan('FROM a\nRUN <<E\na $b\nE\nRUN <<E\n#!/bin/node\nx\nE\nRUN cat <<E > f\nbody\nE\n');
    const [command, script, shell] = runs(planned);
    expect(command!.args).toEqual(['/bin/sh', '-c', 'a $b\n']);
    expect(script).toMatchObject({ args: ['/dev/pipes/E'], script: { data: '#!/bin/node\nx\n' } });
    expect(shell!.args).toEqual(['/bin/sh', '-c', 'cat <<E > f\nbody\nE']);
  });

  it('a secret is found by its id, its target or its variable', () => {
    const planned = plan(
      'FROM a\nRUN --mount=type=secret,id=a --mount=type=secret,target=/x/b --mount=type=secret,id=c,env=C,required d\n',
    );
    expect(runs(planned)[0]!.mounts).toMatchObject([
      { id: 'a', target: '/run/secrets/a', required: false, mode: 0o400 },
      { id: 'b', target: '/x/b' },
      { id: 'c', env: 'C', required: true },
    ]);
  });
});

describe('targets of mounts', () => {
  /** Where the mounts of a RUN are, in a working directory. */
  const targets = (cwd: string, ...mounts: string[]) =>
    runs(
      plan(
        `FROM a\nRUN ${mounts.map((mount) => `--mount=${mount}`).join(' ')} x\n`,
        {},
        {
          'docker.io/library/a:latest': { WorkingDir: cwd },
        },
      ),
    )[0]!.mounts.map((mount) => ('target' in mount ? mount.target : undefined));

  it.each([
    ['type=bind', '/w/d'],
    ['type=bind,target=', '/w/d'],
    ['type=cache,target=.', '/w/d'],
    ['type=tmpfs,target=./', '/w/d'],
    ['type=bind,dst=sub/./x/', '/w/d/sub/x'],
    ['type=bind,destination=..', '/w'],
    ['type=secret,id=s,target=x', '/w/d/x'],
    ['type=secret,id=s,target=', '/run/secrets/s'],
    ['type=secret,id=s,env=S,target=', undefined],
    ['type=ssh', '/run/buildkit/ssh_agent.0'],
    ['type=ssh,target=agent', '/w/d/agent'],
  ])('%s', (mount, target) => {
    expect(targets('/w/d', mount)).toEqual([target]);
  });

  it('joins every target to the working directory, and refuses the root alone', () => {
    const part = fc.constantFrom('a', 'b.c', '.', '..', '');
    const path = fc.tuple(fc.boolean(), fc.array(part, { maxLength: 5 }));
    const written = path.map(([absolute, parts]) => `${absolute ? '/' : ''}${parts.join('/')}`);
    fc.assert(
      fc.property(written, fc.array(part, { maxLength: 3 }), (target, cwdParts) => {
        const cwd = posix.join('/', ...cwdParts);
        const expected = posix.resolve('/', cwd, target);
        const instruction = `type=bind,target=${target}`;
        if (expected === '/') {
          const text = `FROM a\nWORKDIR ${cwd}\nRUN --mount=${instruction} x\n`;
          expect(failure(text)).toMatchObject({ code: 'MOUNT_INVALID', location: { line: 3 } });
        } else expect(targets(cwd, instruction)).toEqual([expected]);
      }),
    );
  });

  it('a cache without an id is named by its target as written', () => {
    const text =
      'FROM a\nWORKDIR /w\nRUN --mount=type=cache --mount=type=cache,target=./c --mount=type=cache,target=/w/c x\n';
    expect(runs(plan(text))[0]!.mounts).toMatchObject([{ id: '.' }, { id: 'c' }, { id: '/w/c' }]);
  });

  it('says nothing where the working directory or a variable of an unknown base decides', () => {
    const key = imageKey({ reference: 'docker.io/library/a:latest', platform: LINUX });
    const check = { unavailable: new Set([key]), everyStage: true };
    for (const mount of [
      'type=bind',
      'type=bind,target=.',
      'type=cache,target=$GOCACHE',
      'type=bind,target=/$X',
    ])
      plan(`FROM a\nRUN --mount=${mount} x\n`, { check });
    for (const text of [
      'RUN --mount=target=/ x',
      'WORKDIR /\nRUN --mount=target=. x',
      'WORKDIR /\nRUN --mount=type=tmpfs x',
    ])
      expect(failure(`FROM a\n${text}\n`, { check }).code).toBe('MOUNT_INVALID');
  });
});
