import { describe, expect, test } from 'vitest';
import type { PairsInstruction } from '../../../src/dockerfile/ast.ts';
import { switchValue } from '../../../src/dockerfile/flags.ts';
import { only, parse, refusal } from './support.ts';

describe('instructions that Docker refuses are refused, with a code', () => {
  test.each([
    // Flags
    ['COPY --from scratch a b', 'FLAG_VALUE'],
    ['COPY --chown a b', 'FLAG_VALUE'],
    ['COPY --link=maybe a b', 'FLAG_VALUE'],
    ['COPY --link= a b', 'FLAG_VALUE'],
    ['COPY --exclude x a b', 'FLAG_VALUE'],
    ['RUN --mount x', 'FLAG_VALUE'],
    ['RUN --network= x', 'FLAG_VALUE'],
    ['RUN --network=HOST x', 'FLAG_VALUE'],
    ['RUN --network=$X x', 'FLAG_VALUE'],
    ['RUN --security=foo x', 'FLAG_VALUE'],
    ['COPY --chown=1 --chown=2 a b', 'DUPLICATE_FLAG'],
    ['COPY --link --link a b', 'DUPLICATE_FLAG'],
    ['COPY --chwn=1 a b', 'UNKNOWN_FLAG'],
    ['COPY --CHOWN=1 a b', 'UNKNOWN_FLAG'],
    ['COPY --=x a b', 'UNKNOWN_FLAG'],
    ['COPY --constructor=x a b', 'UNKNOWN_FLAG'],
    ['ADD --from=x a b/', 'UNKNOWN_FLAG'],
    ['ADD --parents a b/', 'UNKNOWN_FLAG'],
    ['COPY --checksum=x a b/', 'UNKNOWN_FLAG'],
    ['LABEL --x=1 a=b', 'UNKNOWN_FLAG'],
    ['WORKDIR --x /a', 'UNKNOWN_FLAG'],
    ['SHELL --x ["a"]', 'UNKNOWN_FLAG'],
    ['MAINTAINER --x=1 a', 'UNKNOWN_FLAG'],
    ['ONBUILD --x=1 RUN y', 'UNKNOWN_FLAG'],
    ['FROM --foo scratch', 'UNKNOWN_FLAG'],
    // Arguments
    ['COPY a', 'DOCKERFILE_SYNTAX'],
    ['COPY <<a/b /x\nb\na/b', 'DOCKERFILE_SYNTAX'],
    ['COPY', 'DOCKERFILE_SYNTAX'],
    ['COPY --from=scratch', 'DOCKERFILE_SYNTAX'],
    ['COPY ["a"]', 'DOCKERFILE_SYNTAX'],
    ['COPY ["a","b",]', 'DOCKERFILE_SYNTAX'],
    ['COPY []', 'DOCKERFILE_SYNTAX'],
    ['ADD a', 'DOCKERFILE_SYNTAX'],
    ['FROM', 'DOCKERFILE_SYNTAX'],
    ['FROM a b', 'DOCKERFILE_SYNTAX'],
    ['FROM a at b', 'DOCKERFILE_SYNTAX'],
    ['FROM a AS b c', 'DOCKERFILE_SYNTAX'],
    ['FROM scratch AS 1', 'STAGE_NAME_INVALID'],
    ['FROM scratch AS 1a', 'STAGE_NAME_INVALID'],
    ['FROM scratch AS a/b', 'STAGE_NAME_INVALID'],
    ['ENV', 'DOCKERFILE_SYNTAX'],
    ['ENV =b', 'DOCKERFILE_SYNTAX'],
    ['ENV A', 'PAIR_INVALID'],
    ['ENV a=b c', 'PAIR_INVALID'],
    ['ARG', 'DOCKERFILE_SYNTAX'],
    ['ARG =b', 'DOCKERFILE_SYNTAX'],
    ['SHELL []', 'DOCKERFILE_SYNTAX'],
    ['SHELL sh -c', 'DOCKERFILE_SYNTAX'],
    ['SHELL', 'DOCKERFILE_SYNTAX'],
    ['CMD [1]', 'JSON_NOT_STRINGS'],
    ['RUN ["a", null]', 'JSON_NOT_STRINGS'],
    ['COPY [["a"], "b"]', 'JSON_NOT_STRINGS'],
    ['WORKDIR', 'DOCKERFILE_SYNTAX'],
    ['USER', 'DOCKERFILE_SYNTAX'],
    ['STOPSIGNAL', 'DOCKERFILE_SYNTAX'],
    ['MAINTAINER', 'DOCKERFILE_SYNTAX'],
    ['EXPOSE', 'DOCKERFILE_SYNTAX'],
    ['VOLUME', 'DOCKERFILE_SYNTAX'],
    ['VOLUME []', 'DOCKERFILE_SYNTAX'],
    ['VOLUME ["a", " "]', 'DOCKERFILE_SYNTAX'],
    ['HEALTHCHECK', 'HEALTHCHECK_INVALID'],
    ['HEALTHCHECK NONE x', 'HEALTHCHECK_INVALID'],
    ['HEALTHCHECK CMD', 'HEALTHCHECK_INVALID'],
    ['HEALTHCHECK CMD []', 'HEALTHCHECK_INVALID'],
    ['HEALTHCHECK FOO x', 'HEALTHCHECK_INVALID'],
    ['HEALTHCHECK --retries=-1 CMD x', 'HEALTHCHECK_INVALID'],
    ['HEALTHCHECK --retries=x CMD x', 'HEALTHCHECK_INVALID'],
    ['HEALTHCHECK --retries=2147483648 CMD x', 'HEALTHCHECK_INVALID'],
    ['HEALTHCHECK --interval=1us CMD x', 'DURATION_INVALID'],
    ['HEALTHCHECK --timeout=-1s CMD x', 'DURATION_INVALID'],
    ['HEALTHCHECK --start-period=$X CMD x', 'DURATION_INVALID'],
    ['HEALTHCHECK --start-interval=3 CMD x', 'DURATION_INVALID'],
    ['ONBUILD', 'DOCKERFILE_SYNTAX'],
    ['ONBUILD ONBUILD RUN x', 'ONBUILD_TRIGGER'],
    ['ONBUILD FROM x', 'ONBUILD_TRIGGER'],
    ['onbuild maintainer x', 'ONBUILD_TRIGGER'],
    ['ONBUILD ENV x', 'PAIR_INVALID'],
    ['ONBUILD CMD [1]', 'JSON_NOT_STRINGS'],
    ['RUN --mount=from=$X,target=/a x', 'MOUNT_INVALID'],
    ['RUN --mount= x', 'MOUNT_INVALID'],
    ['RUN --mount=type=bind,a\\"b=/x x', 'MOUNT_INVALID'],
    ['COPPY a b', 'UNKNOWN_INSTRUCTION'],
    ['LABEL\u00a0a=b', 'UNKNOWN_INSTRUCTION'],
    ['constructor x', 'UNKNOWN_INSTRUCTION'],
  ])('%s', (text, code) => {
    const error = refusal(`FROM scratch\n${text}\n`);
    expect(error.code).toBe(code);
    expect(error.location?.line).toBe(2);
    expect(error.source).toBe(text);
    expect(error.hint).toBeTruthy();
  });

  test.each([
    ['COPY --chwn=1 a b', 'Did you mean --chown?', 6],
    ['RUN --newtork=host x', 'Did you mean --network?', 5],
    ['RUN --network=hots x', 'Did you mean host?', 15],
    ['ENTRYPIONT x', 'Did you mean ENTRYPOINT?', 1],
  ])('%s: %s', (text, hint, column) => {
    expect(refusal(`FROM scratch\n${text}\n`)).toMatchObject({ hint, location: { line: 2, column } });
  });
});

test.each([
  'COPY --chown="1:1" a b',
  'COPY --chown=1\\:1 a b',
  'COPY -- a b',
  'COPY --chown=1 -- --a b',
  'COPY --parents --link=false --exclude=x --exclude=y a b/',
  'ADD --unpack=true --link --keep-git-dir --checksum=sha256:x --exclude=a a b/',
  'RUN',
  'RUN []',
  'CMD',
  'CMD []',
  'ENTRYPOINT',
  'HEALTHCHECK --interval=3s NONE',
  'HEALTHCHECK --foo NONE',
  'HEALTHCHECK --interval= --retries= CMD x',
  'HEALTHCHECK --interval=0 --timeout=1h1m1.5s --retries=0 cmd x',
  'HEALTHCHECK CMD --interval=3s x',
  'ENV "a b"=c',
  'ENV a="b',
  "ARG a='b c' d 1x",
  'FROM --platform= scratch',
  'ARG --x=1 a',
  'STOPSIGNAL --x=1 TERM',
  'FROM scratch as A_b.c-D',
  'ONBUILD FOO x',
  'ONBUILD COPY x',
  'USER "a b"',
  'RUN --security=insecure --network=none x',
])('%s is accepted', (text) => {
  expect(() => parse(`FROM scratch\n${text}\n`)).not.toThrow();
});

test.each([
  ['FROM scratch', undefined],
  ['FROM scratch AS b-1.x_Y', 'b-1.x_y'],
])('%s is the stage %j', (text, name) => {
  expect(parse(text).stages[0]!.name).toBe(name);
});

test('FROM takes a platform', () => {
  const { from } = parse('FROM  --platform=$BUILDPLATFORM\t${BASE:-a} as X').stages[0]!;
  expect([from.platform?.text, from.image.text, from.as?.text, from.name?.text]).toEqual([
    '$BUILDPLATFORM',
    '${BASE:-a}',
    'as',
    'X',
  ]);
});

describe('names and values', () => {
  const pairs = (instruction: PairsInstruction) =>
    instruction.pairs.map(({ key, value }) => [key.text, value.text]);

  test.each([
    ['ENV a=b', false, [['a', 'b']]],
    [
      `ENV a='b c' d="e f" g=h\\ i k=`,
      false,
      [
        ['a', "'b c'"],
        ['d', '"e f"'],
        ['g', 'h\\ i'],
        ['k', ''],
      ],
    ],
    ['ENV a=b=c', false, [['a', 'b=c']]],
    ['ENV "a b"=c', false, [['"a b"', 'c']]],
    ['ENV a=b\\', false, [['a', 'b']]],
    ['ENV a="b c\\', false, [['a', '"b c']]],
    [
      `ENV a='b\\' c=d`,
      false,
      [
        ['a', "'b\\'"],
        ['c', 'd'],
      ],
    ],
    ['ENV a  b  "c=d', true, [['a', 'b  "c=d']]],
    ['ENV "a b" c', true, [['"a', 'b" c']]],
  ])('%s', (text, legacy, expected) => {
    const env = only('ENV', text);
    expect(env.legacy).toBe(legacy);
    expect(pairs(env)).toEqual(expected);
  });

  test('the value has its column', () => {
    expect(only('LABEL', 'LABEL a=b cd=e').pairs[1]!.value.location).toEqual({
      file: 'Dockerfile',
      line: 2,
      column: 14,
    });
  });

  test('ARG with and without a default', () => {
    const { args } = only('ARG', 'ARG a b= c="d e"');
    expect(args.map(({ name, value }) => [name.text, value?.text])).toEqual([
      ['a', undefined],
      ['b', ''],
      ['c', '"d e"'],
    ]);
  });
});

describe('COPY and ADD', () => {
  test('sources, destination, flags', () => {
    const copy = only(
      'COPY',
      'COPY --from=x --chown=a:b --chmod=u=rwX,go=rX --link --parents=false --exclude=p --exclude= a b c/',
    );
    expect(copy.sources.map((word) => word.text)).toEqual(['a', 'b']);
    expect(copy.destination.text).toBe('c/');
    expect([copy.from?.text, copy.chown?.text, copy.chmod?.text]).toEqual(['x', 'a:b', 'u=rwX,go=rX']);
    expect([switchValue(copy.link), switchValue(copy.parents)]).toEqual([true, false]);
    expect(copy.exclude.map((word) => word.text)).toEqual(['p', '']);
    const add = only('ADD', 'ADD --checksum=sha256:0 --unpack=FALSE --keep-git-dir a b');
    expect([add.checksum?.text, switchValue(add.unpack), switchValue(add.keepGitDir)]).toEqual([
      'sha256:0',
      false,
      true,
    ]);
    expect(switchValue(add.link)).toBeUndefined();
  });

  test('JSON keeps spaces, other text is split at them', () => {
    expect(only('COPY', 'COPY ["a b", "c"]').sources[0]!.text).toBe('a b');
    expect(only('COPY', 'COPY "a b" c').sources.map((word) => word.text)).toEqual(['"a', 'b"']);
    expect(only('COPY', "COPY ['a', 'b']").sources[0]!.text).toBe("['a',");
  });
});

describe('commands', () => {
  test.each([
    ['CMD a  b', { form: 'shell', text: 'a  b' }],
    ['CMD a \\\n    b', { form: 'shell', text: 'a     b' }],
    ['CMD  [ "a", "b c" ] ', { form: 'exec', args: ['a', 'b c'] }],
    ['CMD ["a"] # c', { form: 'shell', text: '["a"] # c' }],
    ['CMD ["c:\\x"]', { form: 'shell', text: '["c:\\x"]' }],
    ['CMD {"a": 1}', { form: 'shell', text: '{"a": 1}' }],
    ['CMD ["\\ud800", "\\u00e9"]', { form: 'exec', args: ['\ufffd', 'é'] }],
    ['CMD', { form: 'shell', text: '' }],
  ])('%s', (text, expected) => {
    expect(only('CMD', text).command).toMatchObject(expected);
  });

  test('HEALTHCHECK', () => {
    const check = only(
      'HEALTHCHECK',
      'HEALTHCHECK --interval=5m --timeout=3s --start-period=1s --start-interval=2s --retries=4 CMD  curl  x',
    );
    expect(check.check).toMatchObject({ type: 'command', command: { form: 'shell', text: 'curl  x' } });
    const { interval, timeout, startPeriod, startInterval, retries } = check;
    expect([interval, timeout, startPeriod, startInterval, retries].map((word) => word?.text)).toEqual([
      '5m',
      '3s',
      '1s',
      '2s',
      '4',
    ]);
    expect(only('HEALTHCHECK', 'HEALTHCHECK none').check).toEqual({ type: 'none' });
    expect(only('HEALTHCHECK', 'HEALTHCHECK cmd ["a"]').check).toMatchObject({ command: { args: ['a'] } });
  });

  test('SHELL', () => {
    expect(only('SHELL', 'SHELL ["/bin/bash", "-c"]').args).toEqual(['/bin/bash', '-c']);
  });
});

test.each([
  ['WORKDIR', '"/a b"  c'],
  ['USER', 'a:b'],
  ['STOPSIGNAL', 'SIGKILL'],
  ['MAINTAINER', 'A B <c@d>'],
] as const)('%s takes the rest of the line', (kind, value) => {
  expect(only(kind, `${kind}   ${value}  `).value.text).toBe(value);
});

test('EXPOSE and VOLUME take words', () => {
  const texts = (words: { text: string }[]) => words.map((word) => word.text);
  expect(texts(only('EXPOSE', 'EXPOSE 80\t$P/udp').words)).toEqual(['80', '$P/udp']);
  expect(texts(only('VOLUME', 'VOLUME /a /b').words)).toEqual(['/a', '/b']);
  expect(texts(only('VOLUME', 'VOLUME ["/a b"," /c "]').words)).toEqual(['/a b', '/c']);
});

test('ONBUILD has its parsed trigger, unless that is invalid', () => {
  const { trigger, text } = only('ONBUILD', 'ONBUILD copy  --chown=1 a b');
  expect(text).toBe('copy  --chown=1 a b');
  expect(trigger).toMatchObject({ kind: 'COPY', keyword: 'copy', location: { line: 2, column: 9 } });
  expect(only('ONBUILD', 'ONBUILD FOO x').trigger).toBeUndefined();
});
