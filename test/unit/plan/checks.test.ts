import { describe, expect, test } from 'vitest';
import { parseDockerfile } from '../../../src/dockerfile/parse.ts';
import type { RuntimeConfig } from '../../../src/image/types.ts';
import { imageKey, type PlanInput } from '../../../src/plan/input.ts';
import { outlineOf, targetsOf } from '../../../src/plan/outline.ts';
import { AMD, planChecked as checked, EVERY_STAGE as EVERY } from '../../support/plan-checked.ts';

const found = (text: string, options?: Partial<PlanInput>, config?: RuntimeConfig) =>
  checked(text, options, config).warnings.map(({ code, location }) => `${code} ${location.line}`);

describe('variables that an unknown base may set', () => {
  const key = imageKey({ reference: 'docker.io/library/base:1', platform: AMD });
  const unknown = { check: { unavailable: new Set([key]), everyStage: true } };

  test.each([
    'WORKDIR "${HOME}"',
    'WORKDIR $HOME\nWORKDIR x\nRUN --mount=target=. y',
    'ENV GOCACHE=$GOPATH/cache\nRUN --mount=type=cache,target=$GOCACHE x',
    'RUN --mount=type=cache,target=$GOCACHE x',
    'RUN --mount=type=cache,target=/c,mode=$MODE,uid=$APP_UID x',
    'RUN --mount=type=$TYPE,target=/c x',
    'VOLUME $DATA',
    'EXPOSE $PORT $A-$B',
    'STOPSIGNAL $SIGNAL',
    'USER $APP_UID',
    'ENV A=${HOME:?unset} B=$A',
    'ARG A=${HOME:?unset}\nVOLUME $A',
    'ADD --checksum=$SUM https://example.com/x /',
    'COPY a $DIR/$NAME',
  ])('%s', (text) => {
    expect(found(`FROM base:1\n${text}\n`, unknown)).toEqual([]);
    expect(found(`FROM base:1 AS one\nFROM one\n${text}\n`, unknown)).toEqual([]);
  });

  test('nothing is passed over that does not depend on them', () => {
    for (const text of ['VOLUME ""', 'STOPSIGNAL no', 'EXPOSE foo', 'ENV A=\nVOLUME $A']) {
      expect(() => found(`FROM base:1\n${text}\n`, unknown)).toThrow();
    }
    for (const text of ['VOLUME $X', 'STOPSIGNAL $X', 'ENV A=${X:?no}']) {
      expect(() => found(`FROM scratch\n${text}\n`, unknown)).toThrow();
    }
    expect(found('FROM base:1\nWORKDIR x\nENV PASSWORD=$X\n', unknown)).toEqual([
      'WorkdirRelativePath 2',
      'SecretsUsedInArgOrEnv 3',
    ]);
  });

  test('a permission belongs to a build', () => {
    for (const allowInsecure of [true, false, undefined]) {
      const options = allowInsecure === undefined ? {} : { allowInsecure };
      expect(found('FROM scratch\nRUN --security=insecure x\n', options)).toEqual([]);
    }
  });

  test('findings before an error are reported', () => {
    const told: string[] = [];
    const onFailure = (warnings: { code: string }[]) => told.push(...warnings.map(({ code }) => code));
    const text = 'FROM scratch\nWORKDIR x\nENV Y=$NOPE\nCMD x\nEXPOSE foo\n';
    expect(() => found(text, { check: { ...EVERY, onFailure } })).toThrow('invalid port "foo"');
    expect(told).toEqual(['WorkdirRelativePath', 'UndefinedVar', 'JSONArgsRecommended']);
  });
});

// Ids and lines are what a current BuildKit reports for the same file.
describe('checks that need variables', () => {
  test.each<[text: string, found: string[]]>([
    // FROM
    ['FROM scratch${v:-}\n', ['UndefinedArgInFrom 1']],
    ['ARG v\nFROM scratch${v}\n', []],
    ['ARG a=$zz\nFROM scratch\n', []],
    ['ARG v=scratch\nFROM $v\n', []],
    ['FROM --platform=$TARGETPLATFORM scratch\n', ['RedundantTargetPlatform 1']],
    ['FROM --platform=${TARGETPLATFORM} scratch\n', ['RedundantTargetPlatform 1']],
    ['FROM --platform=$BUILDPLATFORM scratch\n', []],
    ['FROM --platform=linux/$TARGETARCH scratch\n', []],
    ['FROM --platform=linux/amd64 scratch\n', ['FromPlatformFlagConstDisallowed 1']],
    ['FROM --platform=linux/arm64 scratch AS build-arm64\n', []],
    ['FROM --platform=amd64 scratch AS xamd64\n', []],
    // WORKDIR
    ['FROM scratch\nWORKDIR a\n', ['WorkdirRelativePath 2']],
    ['FROM scratch\nARG W=q\nWORKDIR $W\nWORKDIR ../r\n', ['WorkdirRelativePath 3']],
    ['FROM scratch AS a\nWORKDIR /x\nFROM a AS b\nWORKDIR y\n', []],
    // Variables
    ['FROM scratch\nENV A=$nope\n', ['UndefinedVar 2']],
    ['FROM scratch\nENV A=${nope:-1}${nope} B=${x:+1}\n', ['UndefinedVar 2', 'UndefinedVar 2']],
    ['FROM scratch\nARG a\nENV A=$a\n', []],
    ['ARG a=1\nFROM scratch\nENV A=$a\n', ['UndefinedVar 3']],
    ['FROM scratch\nENV A=$PATH\n', []],
    ['FROM scratch\nRUN echo $nope\n', []],
    ['FROM scratch\nCOPY <<E /$zz\nhi\nE\n', ['UndefinedVar 2']],
    ['FROM scratch\nONBUILD COPY $zip /a\n', []],
    // Secrets
    ['FROM scratch\nARG MY_SECRET\nENV TOKEN=1\n', ['SecretsUsedInArgOrEnv 2', 'SecretsUsedInArgOrEnv 3']],
    ['ARG TOKEN=x\nFROM scratch\n', []],
    ['FROM scratch\nARG n=1\nENV KEY_$n=1 PUBLIC_KEY=1\n', ['SecretsUsedInArgOrEnv 3']],
    ['FROM scratch\nONBUILD ENV SECRET=1\n', []],
    // EXPOSE
    ['FROM scratch\nARG p=80\nEXPOSE $p/TCP\n', ['ExposeProtoCasing 3']],
    [
      'FROM scratch\nEXPOSE 127.0.0.1:80:80 1:2/tcp 3/udp\n',
      ['ExposeInvalidFormat 2', 'ExposeInvalidFormat 2'],
    ],
    ['FROM scratch\nEXPOSE 1.2.3.4:5:5/Tcp\n', ['ExposeInvalidFormat 2', 'ExposeProtoCasing 2']],
    // Skipping
    ['# check=skip=UndefinedVar\nFROM scratch\nENV A=$nope TOKEN=1\n', ['SecretsUsedInArgOrEnv 3']],
    ['FROM scratch\n# check=skip=UndefinedVar\nENV A=$nope\nENV B=$nope\n', ['UndefinedVar 4']],
    ['# check=skip=all\nFROM scratch\nENV A=$nope\n', []],
  ])('%j', (text, expected) => {
    expect(found(text)).toEqual(expected);
  });

  test('names of base images without build arguments', () => {
    const buildArgs = { v: 'scratch' };
    expect(found('ARG v\nFROM $v\n', { buildArgs })).toEqual(['InvalidDefaultArgInFrom 2']);
    expect(found('ARG v\nFROM alpine:$v\n', { buildArgs })).toEqual(['InvalidDefaultArgInFrom 2']);
    expect(found('ARG v=1\nFROM alpine:$v\n', { buildArgs })).toEqual([]);
  });

  test('an empty platform is an error', () => {
    expect(() => found('FROM --platform=$TARGETPLATFROM scratch\n')).toThrow(
      expect.objectContaining({ code: 'PLATFORM_EMPTY' }),
    );
  });

  test('suggest the name that was probably meant', () => {
    const hints = (text: string) => checked(text).warnings.map(({ hint }) => hint);
    expect(hints('FROM scratch\nENV A=$PAHT\n')).toEqual(['Did you mean $PATH?']);
    expect(hints('ARG base=x\nFROM scratch${bas:-}\n')).toEqual(['Did you mean base?']);
  });
});

describe('checks that need base images', () => {
  test('of another platform', () => {
    const arm = { os: 'linux', architecture: 'arm64' };
    expect(found('FROM alpine\n', { platform: arm })).toEqual(['InvalidBaseImagePlatform 1']);
    expect(found('FROM alpine\n')).toEqual([]);
  });

  test('their variables are set, their shell is meant', () => {
    const text = 'FROM alpine\nENV A=$FROM_BASE\nCMD x\n';
    expect(found(text)).toEqual(['UndefinedVar 2', 'JSONArgsRecommended 3']);
    expect(found(text, {}, { Env: ['FROM_BASE=1'], Shell: ['/bin/x'] })).toEqual([]);
  });

  test('are left out where the base cannot be had', () => {
    const unavailable = new Set([imageKey({ reference: 'docker.io/library/alpine:latest', platform: AMD })]);
    const text = 'FROM alpine AS a\nENV A=$x\nCMD x\nFROM a\nENV B=$y TOKEN=1\nFROM scratch\nENV C=$z\n';
    expect(found(text, { check: { unavailable, everyStage: true } })).toEqual([
      'SecretsUsedInArgOrEnv 5',
      'UndefinedVar 7',
    ]);
  });
});

describe('which stages are checked', () => {
  const text = 'FROM scratch AS a\nENV A=$x\nFROM scratch AS b\nENV B=$y\n';

  test('all stages, or those that the target needs', () => {
    expect(found(text)).toEqual(['UndefinedVar 2', 'UndefinedVar 4']);
    const check = { unavailable: new Set<string>(), everyStage: false };
    expect(found(text, { check })).toEqual(['UndefinedVar 4']);
    expect(found(text, { check, target: 'a' })).toEqual(['UndefinedVar 2']);
  });
});

test('files that the ignore file excludes are found when somebody asks', () => {
  const ignoredBy = (path: string) => (path.startsWith('out') ? 'line 1 of .dockerignore' : undefined);
  const text =
    'FROM scratch\nCOPY a ./out/x /\nADD out /b\nADD https://example.com/out /\nCOPY --from=alpine out /\n';
  expect(found(text, { ignoredBy })).toEqual([]);
  expect(found(`# check=experimental=all\n${text}`, { ignoredBy })).toEqual([
    'CopyIgnoredFile 3',
    'CopyIgnoredFile 4',
  ]);
});

describe('--call of a file', () => {
  const text = [
    'ARG base=scratch',
    '# build makes things',
    'FROM $base AS build',
    '# version of the thing',
    'ARG version=1',
    'RUN --mount=type=secret,id=k,required true',
    'FROM scratch AS other',
    'ARG unused',
    'FROM scratch',
    'COPY --from=build /a /b',
    'ARG late',
  ].join('\n');

  test('an outline: arguments, secrets and agents of a target', () => {
    const { plan, args, dockerfile } = checked(text, { check: { ...EVERY, everyStage: false } });
    expect(outlineOf(dockerfile, plan, args)).toEqual({
      args: [
        { name: 'base', value: 'scratch', location: expect.objectContaining({ line: 1 }) },
        {
          name: 'version',
          value: '1',
          description: 'of the thing',
          location: expect.objectContaining({ line: 5 }),
        },
        { name: 'late', location: expect.objectContaining({ line: 11 }) },
      ],
      secrets: [{ name: 'k', required: true, location: expect.objectContaining({ line: 6 }) }],
      ssh: [],
    });
  });

  test('its targets', () => {
    expect(targetsOf(parseDockerfile(text, 'Dockerfile'))).toEqual([
      { name: 'build', description: 'makes things', base: '$base', location: expect.anything() },
      { name: 'other', base: 'scratch', location: expect.anything() },
      { default: true, base: 'scratch', location: expect.anything() },
    ]);
  });
});
