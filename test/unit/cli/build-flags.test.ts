import { describe, expect, test } from 'vitest';
import { parseBuildCommand } from '../../../src/cli/flags/build-flags.ts';
import { JettisonError } from '../../../src/errors/error.ts';
import { formatPlatform, hostPlatform } from '../../../src/image/platform.ts';
import { fakeIo } from '../../support/fake-io.ts';

const command = (args: string[], env: NodeJS.ProcessEnv = {}) =>
  parseBuildCommand(args, fakeIo({ env }).io, '');

/** The library's options, apart from those of the process. */
function parse(args: string[], env: NodeJS.ProcessEnv = {}) {
  const { options } = command(args, env);
  const { env: _env, signal: _signal, stdin: _stdin, ...rest } = options;
  return rest;
}

function refusal(args: string[], env: NodeJS.ProcessEnv = {}): JettisonError {
  try {
    parse(args, env);
  } catch (error) {
    if (error instanceof JettisonError) return error;
    throw error;
  }
  throw new Error(`${args.join(' ')} was accepted`);
}

describe('flags of build', () => {
  test('a context alone', () => {
    expect(parse(['.'])).toEqual({ context: '.' });
    expect(command(['.'])).toMatchObject({
      progress: 'auto',
      outputs: [],
      flags: { debug: false, quiet: false },
    });
    expect(command(['.']).call).toBeUndefined();
  });

  test('all of them, on either side of the context', () => {
    const line = [
      ...['-t', 'a', '--tag=b:1', '-f', 'x/Dockerfile', '--target', 'Test', 'ctx', '--build-arg', 'A=1=2'],
      ...[
        '--build-arg=B=',
        '--label',
        'l=v',
        '--label',
        'empty',
        '--no-cache',
        '--debug',
        '--pull',
        '--network',
        'none',
      ],
      ...['--iidfile', 'id', '--metadata-file', 'meta', '--progress', 'plain', '--secret', 'id=s,src=f'],
      ...['--ssh', 'default=/agent', '--ssh=other=b'],
      ...['--build-context', 'x=./y', '--build-context=z=docker-image://a=b', '--call=check,format=json'],
    ];
    expect(parse(line)).toEqual({
      context: 'ctx',
      file: 'x/Dockerfile',
      target: 'Test',
      tags: ['a', 'b:1'],
      buildArgs: { A: '1=2', B: '' },
      labels: { l: 'v', empty: '' },
      secrets: { s: { file: 'f' } },
      ssh: { default: '/agent', other: 'b' },
      contexts: { x: './y', z: 'docker-image://a=b' },
      noCache: true,
      pull: true,
      network: 'none',
    });
    expect(command(line)).toMatchObject({
      flags: { debug: true, iidfile: 'id', 'metadata-file': 'meta' },
      call: { what: 'check', format: 'json' },
      progress: 'plain',
    });
  });

  test('an agent without socket is that of the environment', () => {
    expect(parse(['--ssh', 'default', '.'], { SSH_AUTH_SOCK: '/s' }).ssh).toEqual({ default: '/s' });
    expect(refusal(['--ssh', 'default', '.']).hint).toContain('ssh-agent');
    expect(refusal(['--ssh', '=/x', '.']).message).toContain('no id');
  });

  test('a build argument without value comes from the environment, or not at all', () => {
    const { buildArgs } = parse(['--build-arg', 'TOKEN', '--build-arg', 'MISSING', '.'], { TOKEN: 't' });
    expect(buildArgs).toEqual({ TOKEN: 't' });
  });

  test('short flags take their values as Docker’s do', () => {
    expect(parse(['-tapp', '-f-', '-q', '.'])).toMatchObject({ tags: ['app'], file: '-' });
    expect(command(['-q', '.']).flags.quiet).toBe(true);
  });

  test('boolean flags take true and false', () => {
    expect(parse(['--no-cache=false', '--pull=true', '.'])).toMatchObject({ noCache: false, pull: true });
    expect(parse(['--pull', '--pull=0', '.'])).toMatchObject({ pull: false });
    expect(command(['-q=1', '.']).flags.quiet).toBe(true);
    expect(command(['-q', '-q=false', '.']).flags.quiet).toBe(false);
  });

  test('quiet wins over progress, the flag over the environment', () => {
    expect(command(['-q', '--progress=tty', '.']).progress).toBe('quiet');
    expect(command(['.'], { BUILDKIT_PROGRESS: 'plain' }).progress).toBe('plain');
    expect(command(['--progress=tty', '.'], { BUILDKIT_PROGRESS: 'plain' }).progress).toBe('tty');
  });

  test('reads --check as --call=check, and --call=build as a build', () => {
    expect(command(['--check', '.']).call).toEqual({ what: 'check', format: 'text' });
    expect(command(['--check=false', '.']).call).toBeUndefined();
    expect(command(['--call=build', '.']).call).toBeUndefined();
    expect(command(['--call=lint', '.']).call).toEqual({ what: 'check', format: 'text' });
  });

  test('several platforms, each once', () => {
    const args = ['--platform=linux/arm64/v8,linux/x86_64', '--platform', 'linux/aarch64', '.'];
    expect(parse(args)).toMatchObject({ platforms: ['linux/arm64', 'linux/amd64'] });
    expect(parse(['.'], { DOCKER_DEFAULT_PLATFORM: 'linux/s390x' }).platform).toBe('linux/s390x');
    expect(parse(['--platform=local', '.']).platform).toBe(formatPlatform(hostPlatform()));
  });

  test('this machine’s platform is fine', () => {
    const mine = formatPlatform(hostPlatform());
    expect(parse(['--platform', mine, '.']).platform).toBe(mine);
  });

  test.each([
    [[], 'the build context is missing'],
    [['a', 'b'], 'one build context is enough: "b" is a second one'],
    [['--build-context', 'x', '.'], '--build-context x has no path'],
    [['--build-context', '=x', '.'], '--build-context =x has no name'],
    [['--call=nope', '.'], 'invalid --call "nope"'],
    [['--call=check,format=xml', '.'], 'invalid option "format=xml" of --call'],
    [['--call=targets', '--check', '.'], '--check and --call=targets contradict each other'],
    [['--sbom=yes', '.'], '--sbom: invalid value "yes"'],
    [['--sbom=generator=x/y', '.'], '--sbom: generator= is not supported'],
    [['--provenance=mode=medium', '.'], '--provenance: invalid mode "medium"'],
    [['--provenance=reproducible=true', '.'], 'reproducible=true is a claim'],
    [['--provenance=version=v0.2', '.'], 'version=v0.2 is not supported'],
    [['--attest', 'type=vex', '.'], '--attest: unknown attestation type "vex"'],
    [['--attest', 'mode=max', '.'], '--attest: "mode=max" has no type'],
    [['--attest', 'type=sbom,mode=max', '.'], 'type=sbom has no "mode"'],
    [['--sbom', '--attest=type=sbom', '.'], 'the attestation "sbom" is asked for twice'],
    [['--progress=fancy', '.'], 'invalid --progress "fancy"'],
    [['--network=bridge', '.'], 'invalid --network "bridge"'],
    [['-t', 'App', '.'], 'invalid image name "App"'],
    [['-t', `app@sha256:${'0'.repeat(64)}`, '.'], 'names a digest'],
    [['--platform=a/b/c/d', '.'], 'invalid platform "a/b/c/d"'],
    [['--build-arg', '=x', '.'], '--build-arg =x has no name'],
    [['--label', '=x', '.'], '--label =x has no name'],
    [['--secret', 'id=a', '--secret', 'id=a', '.'], 'the secret "a" is given twice'],
  ])('%j is refused', (args, message) => {
    const error = refusal(args);
    expect(error.message).toContain(message);
    expect(error.exitCode).toBe(2);
    expect(error.hint).toBeTruthy();
  });

  test('a directory whose name looks like a flag is possible', () => {
    expect(parse(['--', '--push']).context).toBe('--push');
  });
});

describe('attestations', () => {
  test.each([
    [['--sbom'], { sbom: true }],
    [['--sbom', 'true'], { sbom: true }],
    [['--sbom=false', '--provenance=0'], undefined],
    [['--sbom', 'false'], undefined],
    [['--provenance'], { provenance: {} }],
    [
      ['--provenance=mode=min,builder-id=https://ci'],
      { provenance: { mode: 'min', builderId: 'https://ci' } },
    ],
    [['--provenance', 'mode=max'], { provenance: { mode: 'max' } }],
    [
      ['--attest', 'type=sbom', '--attest', 'type=provenance,mode=min'],
      { sbom: true, provenance: { mode: 'min' } },
    ],
    [['--attest', 'type=provenance,disabled=true', '--sbom'], { sbom: true }],
    [['--provenance=reproducible=false,inline-only=true,version=v1'], { provenance: {} }],
  ])('%j', (args, attest) => {
    const options = parse([...args, '.']);
    expect(options.context).toBe('.');
    expect(options.attest).toEqual(attest);
  });
});

describe('--secret', () => {
  const secret = (text: string, env?: NodeJS.ProcessEnv) => parse(['--secret', text, '.'], env).secrets;

  test.each([
    ['id=a,src=/f', { a: { file: '/f' } }],
    ['source=/f=1,id=a', { a: { file: '/f=1' } }],
    ['type=file,id=a,src=f', { a: { file: 'f' } }],
    ['id=a,env=B', { a: { env: 'B' } }],
    ['type=env,id=a', { a: { env: 'a' } }],
    ['type=env,id=a,src=B', { a: { env: 'B' } }],
    ['id=a', { a: { file: 'a' } }],
    ['id=SET', { SET: { env: 'SET' } }],
    ['type=file,id=SET', { SET: { file: 'SET' } }],
  ])('%s', (text, expected) => {
    expect(secret(text, { SET: '' })).toEqual(expected);
  });

  test.each([
    ['src=/f', 'the secret "src=/f" has no id'],
    ['id=,src=/f', 'has no id'],
    ['id=a,sauce=/f', 'unknown field "sauce=/f" of --secret'],
    ['a', 'unknown field "a" of --secret'],
    ['type=ssh,id=a', 'unknown secret type "ssh"'],
  ])('%s is refused', (text, message) => {
    expect(refusal(['--secret', text, '.']).message).toContain(message);
  });
});
