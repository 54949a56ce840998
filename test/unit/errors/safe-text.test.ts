import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { JettisonError } from '../../../src/errors/error.ts';
import { renderError, renderWarning } from '../../../src/errors/render.ts';
import { visible, visibleLine, withoutCredentials } from '../../../src/errors/safe-text.ts';

describe('texts without credentials', () => {
  test.each([
    ['https://user:pw@host/x', 'https://xxxxx:xxxxx@host/x'],
    ['ADD https://tok@host/x.git#main /', 'ADD https://xxxxx@host/x.git#main /'],
    ['ssh://git@host/x', 'ssh://git@host/x'],
    ['ssh://git:pw@host/x', 'ssh://xxxxx:xxxxx@host/x'],
    ['git@github.com:a/b', 'git@github.com:a/b'],
    ['https://host/x?a=1&token=abc&b=2', 'https://host/x?a=1&token=xxxxx&b=2'],
    ['https://host/x?X-Amz-Signature=abc', 'https://host/x?X-Amz-Signature=xxxxx'],
    ['authorization: Bearer abcdef123456', 'authorization: Bearer xxxxx'],
    ['Basic authentication is needed', 'Basic authentication is needed'],
    ['//host/:_authToken=abc', '//host/:_authToken=xxxxx'],
    ['RUN echo a@b.com x=1', 'RUN echo a@b.com x=1'],
    ['npm://host/@scope/name', 'npm://host/@scope/name'],
    ['https://host/path@2.0', 'https://host/path@2.0'],
  ])('%s', (text, expected) => {
    expect(withoutCredentials(text)).toBe(expected);
    expect(withoutCredentials(expected)).toBe(expected);
  });

  test('for any password', () => {
    const part = fc
      .string({ minLength: 8, maxLength: 30 })
      .filter((text) => text.trim() === text && !/[\ud800-\udfff]/.test(text))
      // A word may be in the stack trace by itself.
      .map((text) => encodeURIComponent(/^\w+$/.test(text) ? `${text}~7` : text).replaceAll("'", '%27'))
      .filter((text) => text.length > 7 && !'xxxxx:xxxxx@host/path and more'.includes(text));
    fc.assert(
      fc.property(part, part, (user, password) => {
        const text = withoutCredentials(`fetching https://${user}:${password}@host/path and more`);
        expect(text).toBe('fetching https://xxxxx:xxxxx@host/path and more');
        const error = new JettisonError('X', `https://${user}:${password}@host/path`, {
          hint: `try https://${password}@host/path`,
          source: `ADD https://${user}:${password}@host/path /`,
          details: { url: `https://${user}:${password}@host/path`, tried: [`https://${password}@host/`] },
          location: { file: 'Dockerfile', line: 1, column: 5 },
        });
        expect(renderError(error, { color: false, stack: true })).not.toContain(password);
        expect(JSON.stringify(error.details)).not.toContain(password);
      }),
    );
  });
});

describe('visible text', () => {
  test('shows control characters instead of sending them', () => {
    expect(visible('a\x1b[31mb\x9bc\u202ed\x7fe\r\n\tf')).toBe('a\\x1b[31mb\\x9bc\\u202ed\\x7fe\\x0d\n\tf');
    expect(visibleLine('a\n\tb')).toBe('a\\n b');
    expect(visible('größe 日本 😀')).toBe('größe 日本 😀');
  });

  test('is all that errors and warnings have', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
        const location = { file: text, line: 1, column: 1 };
        const source = `RUN ${text}`;
        const shown =
          renderError(new JettisonError('X', text, { hint: text, location, source }), {
            color: false,
            stack: true,
          }) +
          renderError(new Error(text), { color: false }) +
          renderWarning({ code: 'X', message: text, hint: text, location, source }, { color: false });
        expect(shown).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/);
      }),
    );
  });

  test('keeps the marks below the word that an error is about', () => {
    const error = new JettisonError('X', 'no', {
      location: { file: 'Dockerfile', line: 1, column: 7 },
      source: 'ADD \x1b w /',
    });
    expect(renderError(error, { color: false })).toContain('1 | ADD \\x1b w /\n    |          ^\n');
  });
});
