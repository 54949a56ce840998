import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseOciLayout } from '../../../src/solve/oci-layout.ts';

const DIGEST = `sha256:${'0'.repeat(64)}`;
const nothing = () => false;

describe('oci-layout://', () => {
  it.each([
    ['lay', { folder: 'lay' }],
    ['/w/job@2/lay', { folder: '/w/job@2/lay' }],
    ['job@2', { folder: 'job@2' }],
    [`job@2@${DIGEST}`, { folder: 'job@2', digest: DIGEST }],
    ['job@2/lay:latest', { folder: 'job@2/lay', tag: 'latest' }],
    [`job@2:v1@${DIGEST}`, { folder: 'job@2', tag: 'v1', digest: DIGEST }],
    ['/a:b/lay', { folder: '/a:b/lay' }],
    ['/a:b/lay:1.2', { folder: '/a:b/lay', tag: '1.2' }],
    ['lay@sha256:short', { folder: 'lay', digest: 'sha256:short' }],
    ['a@b:c', { folder: 'a@b', tag: 'c' }],
  ])('%s', (text, parsed) => {
    expect(parseOciLayout(text, nothing)).toEqual(parsed);
  });

  it('takes a folder of the whole name for the folder that is meant', () => {
    for (const text of ['a:b', 'job@2:x', `x@${DIGEST}`])
      expect(parseOciLayout(text, (path) => path === text)).toEqual({ folder: text });
  });

  it('finds any folder again, with a tag and a digest behind it', () => {
    const name = fc.stringMatching(/^[a-z0-9@:._ -]{1,12}$/);
    const folder = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => `/${names.join('/')}`);
    fc.assert(
      fc.property(folder, fc.constantFrom('', ':latest', ':v1.2'), fc.boolean(), (path, tag, digest) => {
        const exists = (candidate: string) => candidate === path;
        const text = `${path}${tag}${digest ? `@${DIGEST}` : ''}`;
        expect(parseOciLayout(text, exists)).toEqual({
          folder: path,
          ...(tag === '' ? {} : { tag: tag.slice(1) }),
          ...(digest ? { digest: DIGEST } : {}),
        });
      }),
    );
  });
});
