import { describe, expect, it } from 'vitest';
import { JettisonError } from '../../../src/errors/error.ts';
import { errorOf, failureOf } from '../../../src/protocol/channel.ts';

const across = (error: unknown) => errorOf(structuredClone(failureOf(error)));

describe('errors on their way between processes', () => {
  it('keep everything that an error for people says', () => {
    const error = new JettisonError('CODE', 'what', {
      hint: 'do',
      location: { file: 'Dockerfile', line: 1, column: 2 },
      source: 'RUN x',
      sourceLine: 7,
      exitCode: 3,
      details: { a: [1] },
    });
    const crossed = across(error);
    expect(crossed).toBeInstanceOf(JettisonError);
    expect({ ...crossed, message: crossed.message }).toEqual({ ...error, message: error.message });
    expect((across(new JettisonError('CODE', 'what')) as JettisonError).hint).toBeUndefined();
  });

  it('keep code and call of a failed system call', () => {
    const error = Object.assign(new Error('no space'), { code: 'ENOSPC', syscall: 'write', path: '/x' });
    const crossed = across(error);
    expect(crossed).toMatchObject({
      code: 'ENOSPC',
      syscall: 'write',
      path: '/x',
      message: 'no space',
      stack: error.stack,
    });
  });

  it('keep name and stack of a bug', () => {
    const error = new TypeError('oops');
    expect(across(error)).toMatchObject({ name: 'TypeError', message: 'oops', stack: error.stack });
    expect(across('just text').message).toBe('just text');
  });
});
