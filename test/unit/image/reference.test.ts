import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  canonicalName,
  familiarName,
  familiarRepository,
  parseReference,
} from '../../../src/image/reference.ts';

const digest = `sha256:${'0123456789abcdef'.repeat(4)}` as const;

describe('image names', () => {
  it.each([
    ['node', 'docker.io/library/node:latest', 'node:latest'],
    ['node:20', 'docker.io/library/node:20', 'node:20'],
    ['team/app', 'docker.io/team/app:latest', 'team/app:latest'],
    ['library/node:20', 'docker.io/library/node:20', 'node:20'],
    ['docker.io/node', 'docker.io/library/node:latest', 'node:latest'],
    ['index.docker.io/node:1', 'docker.io/library/node:1', 'node:1'],
    ['docker.io/library/a/b', 'docker.io/library/a/b:latest', 'library/a/b:latest'],
    ['localhost/app', 'localhost/app:latest', 'localhost/app:latest'],
    ['localhost:5000/app:1', 'localhost:5000/app:1', 'localhost:5000/app:1'],
    ['[::1]:5000/app', '[::1]:5000/app:latest', '[::1]:5000/app:latest'],
    ['gcr.io/distroless/nodejs20-debian12', 'gcr.io/distroless/nodejs20-debian12:latest', undefined],
    ['Registry/app', 'Registry/app:latest', 'Registry/app:latest'],
    ['a__b/c--d/e.f_g:V1.0-x', 'docker.io/a__b/c--d/e.f_g:V1.0-x', 'a__b/c--d/e.f_g:V1.0-x'],
    [`node@${digest}`, `docker.io/library/node@${digest}`, `node@${digest}`],
    [`node:20@${digest}`, `docker.io/library/node:20@${digest}`, `node:20@${digest}`],
  ])('%s is %s', (text, canonical, familiar) => {
    expect(canonicalName(text)).toBe(canonical);
    expect(familiarName(text)).toBe(familiar ?? canonical);
  });

  it('gives the parts', () => {
    expect(parseReference('node:20')).toEqual({
      registry: 'docker.io',
      repository: 'library/node',
      tag: '20',
    });
    expect(parseReference(`x.y/z@${digest}`)).toEqual({ registry: 'x.y', repository: 'z', digest });
    expect(familiarRepository(parseReference('node:20'))).toBe('node');
  });

  it.each([
    ['', /empty/],
    ['Node', /lower case/],
    ['team/App:1', /lower case/],
    ['node:', /tag after the colon is missing/],
    ['node:.x', /not a tag/],
    [`node:${'x'.repeat(129)}`, /not a tag/],
    ['node:a b', /not a tag/],
    ['node@sha256:12', /not a digest/],
    ['node@', /not a digest/],
    ['a..b', /not a repository/],
    ['a/', /not a repository/],
    ['localhost/', /repository is missing/],
    ['-a/b', /not a repository/],
    ['a___b', /not a repository/],
    ['a.-b/c/d', /not a registry/],
    ['https://x/y', /not a registry/],
    ['x.y:port/z', /not a registry/],
    ['0'.repeat(64), /image id/],
    [`a/${'b'.repeat(255)}`, /too long/],
  ])('refuses %j', (text, message) => {
    expect(() => parseReference(text)).toThrow(
      expect.objectContaining({ code: 'REFERENCE_INVALID', message: expect.stringMatching(message) }),
    );
  });

  it('suggests the lower-case name', () => {
    expect(() => parseReference('Team/App:V1')).toThrow(
      expect.objectContaining({ code: 'REFERENCE_INVALID' }),
    );
    try {
      parseReference('App:V1');
    } catch (error) {
      expect(error).toHaveProperty('hint', 'Write app:V1.');
    }
  });

  it('names the allowed characters where no name can be suggested', () => {
    try {
      parseReference('BAD NAME');
    } catch (error) {
      expect(error).toHaveProperty('hint', expect.stringMatching(/lower-case letters and digits, joined by/));
    }
    expect.assertions(1);
  });

  it('reads its own output back', () => {
    const component = fc
      .stringMatching(/^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+){0,2}$/)
      .filter((t) => t.length < 40);
    const registry = fc.constantFrom('', 'docker.io/', 'localhost/', 'r.example:5000/', '127.0.0.1:5000/');
    const tag = fc.option(fc.stringMatching(/^\w[\w.-]{0,20}$/), { nil: undefined });
    fc.assert(
      fc.property(
        registry,
        fc.array(component, { minLength: 1, maxLength: 3 }),
        tag,
        fc.boolean(),
        (r, c, t, d) => {
          const text = `${r}${c.join('/')}${t === undefined ? '' : `:${t}`}${d ? `@${digest}` : ''}`;
          let reference: ReturnType<typeof parseReference>;
          try {
            reference = parseReference(text);
          } catch {
            return; // The first component may look like a host that is none, or be an image id.
          }
          expect(parseReference(canonicalName(reference))).toEqual(reference);
          expect(parseReference(familiarName(reference))).toEqual(reference);
        },
      ),
    );
  });
});
