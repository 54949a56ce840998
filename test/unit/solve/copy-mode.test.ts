import { describe, expect, test } from 'vitest';
import { parseMode } from '../../../src/solve/copy/mode.ts';

/** [expression, result for a directory or file of mode 7777, result for a file of mode 0700] */
const SYMBOLIC: [string, number, number][] = [
  ['+X', 0o7777, 0o711],
  ['-X', 0o7666, 0o600],
  ['=X', 0o1111, 0o111],
  ['u-X', 0o7677, 0o600],
  ['u=X', 0o3177, 0o100],
  ['-t', 0o6777, 0o700],
  ['=rwx', 0o1777, 0o777],
  ['=t', 0o7777, 0o1700],
  ['=rt', 0o7777, 0o1700],
  ['a=rt', 0o1444, 0o1444],
  ['a+st', 0o7777, 0o7700],
  ['a-t', 0o6777, 0o700],
  ['a-x+X', 0o7777, 0o711],
  ['a=', 0o1000, 0],
  ['a=rwx', 0o1777, 0o777],
  ['a=st', 0o7000, 0o7000],
  ['a+g-u', 0o7000, 0],
  ['g-s', 0o5777, 0o700],
  ['g=rwx', 0o5777, 0o770],
  ['g=s', 0o7707, 0o2700],
  ['g=u', 0o7777, 0o770],
  ['go-s', 0o5777, 0o700],
  ['go=u', 0o7777, 0o777],
  ['go=u-w', 0o7755, 0o755],
  ['o+s', 0o7777, 0o700],
  ['o-s', 0o7777, 0o700],
  ['o-t', 0o7777, 0o700],
  ['o=', 0o7770, 0o700],
  ['o=rwx', 0o7777, 0o707],
  ['o=t', 0o7770, 0o700],
  ['u+x+X', 0o7777, 0o700],
  ['u-s', 0o3777, 0o700],
  ['u-t', 0o6777, 0o700],
  ['u-x+X,g+X', 0o7777, 0o710],
  ['u=g', 0o7777, 0],
  ['u=o', 0o7777, 0],
  ['u=rwx', 0o3777, 0o700],
  ['u=s', 0o7077, 0o4000],
  ['u=t', 0o3077, 0o1000],
  ['ug=s', 0o7007, 0o6000],
  ['ug=rwt', 0o1667, 0o1660],
  ['uo+t', 0o7777, 0o1700],
  ['u+w+x-r', 0o7377, 0o300],
  ['u=rw,u=g+x', 0o3777, 0o100],
];

describe('--chmod', () => {
  test.each(SYMBOLIC)('%s as a current Docker engine applies it', (text, ofAll, ofOwner) => {
    const { apply, octal } = parseMode(text);
    expect(octal).toBeUndefined();
    expect(apply(0o7777, true).toString(8)).toBe(ofAll.toString(8));
    expect(apply(0o7777, false).toString(8)).toBe(ofAll.toString(8));
    expect(apply(0o700, false).toString(8)).toBe(ofOwner.toString(8));
  });

  test.each<[string, number, boolean, number]>([
    ['u=rwX,go=rX', 0o4755, false, 0o755],
    ['u=rwX,go=rX', 0o600, false, 0o644],
    ['u=rwX,go=rX', 0o600, true, 0o755],
    ['g=rx', 0o2750, true, 0o750],
    ['u=gx', 0o640, false, 0o140],
    ['+ugo', 0o640, false, 0o666],
    ['=', 0o640, false, 0],
    ['u+', 0o640, false, 0o640],
    ['-rwx', 0o640, false, 0],
    ['+w', 0o640, false, 0o662],
    ['a=rw+x', 0o640, false, 0o777],
  ])('%s of %o', (text, mode, directory, expected) => {
    expect(parseMode(text).apply(mode, directory).toString(8)).toBe(expected.toString(8));
  });

  test.each<[string, number]>([
    ['0', 0],
    ['644', 0o644],
    ['0755', 0o755],
    ['07777', 0o7777],
  ])('octal %s', (text, expected) => {
    expect(parseMode(text).octal).toBe(expected);
    expect(parseMode(text).apply(0o4111, true)).toBe(expected);
  });

  test.each(['', '10000', '888', '0o755', 'u+q', 'u', 'u+x,', ',u+x', 'rwx', '-1'])('refuses %j', (text) => {
    expect(() => parseMode(text)).toThrow(expect.objectContaining({ code: 'CHMOD_INVALID' }));
  });
});
