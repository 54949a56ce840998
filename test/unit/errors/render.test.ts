import { describe, expect, test } from 'vitest';
import { JettisonError } from '../../../src/errors/error.ts';
import { renderError, renderWarning } from '../../../src/errors/render.ts';
import { wantsColor } from '../../../src/errors/style.ts';
import { fromSystemError } from '../../../src/errors/system.ts';

const plain = { color: false };
const render = (error: unknown) => renderError(error, plain);

describe('an error', () => {
  test('marks the word in the source line', () => {
    const error = new JettisonError(
      'COPY_SOURCE_MISSING',
      'COPY source "dist" does not exist in stage "build"',
      {
        location: { file: 'Dockerfile', line: 12, column: 19 },
        source: 'COPY --from=build /app/dist ./dist\n',
        hint: 'the stage has /app/out',
      },
    );
    expect(render(error)).toBe(
      [
        'error: COPY source "dist" does not exist in stage "build"',
        '  Dockerfile:12:19',
        '  12 | COPY --from=build /app/dist ./dist',
        '     |                   ^^^^^^^^^',
        'hint: The stage has /app/out',
        '',
      ].join('\n'),
    );
  });

  test('without location is one sentence', () => {
    expect(render(new JettisonError('X', 'it is so'))).toBe('error: it is so\n');
  });

  test('finds its line in an instruction of several lines', () => {
    const source = [
      'RUN a && \\',
      '    b && \\',
      '    c && \\',
      '    d && \\',
      '    e && \\',
      '    f && \\',
      '    g && \\',
      '    h',
    ];
    const error = new JettisonError('X', 'no', {
      location: { file: 'D', line: 102, column: 5 },
      source: source.join('\n'),
      sourceLine: 97,
    });
    expect(render(error)).toBe(
      [
        'error: no',
        '  D:102:5',
        '    … |',
        '   99 |     c && \\',
        '  100 |     d && \\',
        '  101 |     e && \\',
        '  102 |     f && \\',
        '      |     ^',
        '  103 |     g && \\',
        '  104 |     h',
        '',
      ].join('\n'),
    );
  });

  test('marks a quoted string whole, and keeps tabs in line with their carets', () => {
    const error = new JettisonError('X', 'no', {
      location: { file: 'D', line: 1, column: 6 },
      source: '\tENV\t"a b" c',
    });
    expect(render(error).split('\n').slice(2, 4)).toEqual(['  1 |  ENV "a b" c', '    |      ^^^^^']);
  });

  test('a column after the end of the line has no carets', () => {
    const error = new JettisonError('X', 'no', {
      location: { file: 'D', line: 1, column: 9 },
      source: 'FROM',
    });
    expect(render(error)).toBe('error: no\n  D:1:9\n  1 | FROM\n');
  });

  test('is coloured on demand only', () => {
    const error = new JettisonError('X', 'no', { hint: 'do' });
    expect(renderError(error, { color: true })).toContain('\x1b[31m');
    expect(render(error)).not.toContain('\x1b');
  });

  test('that is a bug shows its stack, causes too, and asks for a report', () => {
    const text = render(new TypeError('x is undefined', { cause: new Error('deeper') }));
    expect(text).toContain('internal error: this is a bug');
    expect(text).toContain('TypeError: x is undefined\n    at ');
    expect(text).toContain('Caused by: Error: deeper');
    expect(text).toContain('Please report');
    expect(render('a string')).toContain('Thrown: a string');
  });

  test('shows its stack for those who ask', () => {
    const error = new JettisonError('X', 'no');
    expect(renderError(error, { color: false, stack: true })).toContain('render.test.ts');
  });
});

test('a warning names its code and line', () => {
  const warning = {
    code: 'StageNameCasing',
    message: 'stage name "Build" should be lower case',
    location: { file: 'Dockerfile', line: 3, column: 1 },
    hint: 'write build',
  };
  expect(renderWarning(warning, plain)).toBe(
    'warning: stage name "Build" should be lower case [StageNameCasing] (Dockerfile:3)\n  hint: Write build\n',
  );
});

describe('system errors', () => {
  const failed = (code: string) =>
    Object.assign(new Error(code), { code, syscall: 'write', path: '/store/tmp/1' });

  test.each([
    ['ENOSPC', 'DISK_FULL'],
    ['EDQUOT', 'DISK_FULL'],
    ['EACCES', 'NO_PERMISSION'],
    ['EROFS', 'NO_PERMISSION'],
    ['EMFILE', 'TOO_MANY_OPEN_FILES'],
  ])('%s is the machine’s fault: %s', (code, name) => {
    const error = fromSystemError(failed(code));
    expect(error?.code).toBe(name);
    expect(error?.message).toContain('(write /store/tmp/1)');
    expect(error?.hint).toBeDefined();
  });

  test('a full disk is that of the store, unless another file is named', () => {
    const full = (more: object) =>
      fromSystemError(Object.assign(new Error('x'), { code: 'ENOSPC', syscall: 'write', ...more }), '/store');
    expect(full({})?.message).toBe('no space left on the disk of the store, /store');
    expect(full({ path: '/store/tmp/1' })?.message).toBe('no space left on the disk of the store, /store');
    expect(full({ path: '/context/a', dest: '/store/a' })?.message).toContain('of the store, /store');
    expect(full({ path: '/out.tar' })?.message).toBe('no space left on the disk (write /out.tar)');
  });

  test('others are bugs', () => {
    expect(fromSystemError(failed('EBADF'))).toBeUndefined();
    expect(fromSystemError(new Error('x'))).toBeUndefined();
    expect(fromSystemError(new JettisonError('X', 'no'))).toBeUndefined();
    expect(fromSystemError(undefined)).toBeUndefined();
  });
});

test('colour is for terminals whose owner has not said no', () => {
  const terminal = { isTTY: true };
  expect(wantsColor(terminal, {})).toBe(true);
  expect(wantsColor(terminal, { NO_COLOR: '1' })).toBe(false);
  expect(wantsColor(terminal, { NO_COLOR: '' })).toBe(true);
  expect(wantsColor(terminal, { TERM: 'dumb' })).toBe(false);
  expect(wantsColor({}, {})).toBe(false);
});
