import { describe, expect, it } from 'vitest';
import { secretKind } from '../../../src/dockerfile/secret-values.ts';

/** Put together here, so that nobody's scanner takes this file for a leak. */
const random = 'q7Zk3VxN0pLwT8sYb2RfJ6cHdG1mUoEa';

describe('values that look like secrets', () => {
  it.each([
    [`gh${'p_'}${random}`, 'a GitHub token'],
    [`glp${'at-'}${random}`, 'a GitLab token'],
    [`npm${'_'}${random}abcd`, 'an npm token'],
    [`AK${'IA'}ABCDEFGHIJKLMNOP`, 'an AWS access key'],
    [`AI${'za'}${random}abc`, 'a Google API key'],
    [`xo${'xb-'}1234567890-abc`, 'a Slack token'],
    [`-----BEGIN RSA ${'PRIVATE'} KEY-----\nx`, 'a private key'],
    ['postgres://app:hunter2@db/app', 'a password in a URL'],
    [`ey${'J'}hbGciOiJI.ey${'J'}zdWIiOiIx.SflKxwRJSMeKKF2QT4`, 'a JSON web token'],
    [`//registry.example.com/:_authToken=npm${'_'}${random}abcd`, 'an npm token'],
    [`github_${'pat'}_11ABCDEFG0${random}_${random}`, 'a GitHub token'],
    [`s${'k-'}proj-${random}${random}`, 'an API key'],
    [`s${'k_live'}_${random}`, 'a Stripe key'],
    ['https://user:pa55word@registry.example.com/npm/', 'a password in a URL'],
    [`-----BEGIN OPENSSH ${'PRIVATE'} KEY-----\nx`, 'a private key'],
    [random, 'a random key'],
    [`${random}+/==`, 'a random key'],
  ])('%#', (value, kind) => expect(secretKind(value)).toBe(kind));
});

describe('values that do not', () => {
  it.each([
    '',
    'production',
    '1.22.3-alpine3.19',
    '9b2c1f0a7d4e8835aa0e61d3c5b7f9128e4d6c0b1a2f3e4d5c6b7a8990abcdef',
    'sha512-Zz9xV0pLwT8sYb2RfJ6cHdG1mUoEaq7Zk3VxN0pLwT8sYb2RfJ6cHdG1mUoEaq7Zk3VxN0pLwT8sYb2RfA==',
    '/usr/local/Cellar/openssl3/Lib64/Engines3/Modules1',
    'https://example.com/a/b?c=d',
    'https://example.com:8443/a@b',
    'git@github.com:owner/Repo-With-Name1.git',
    'Some-Long-Hyphenated-Release-Name-2024-Version-1',
    '--max-old-space-size=4096 --enable-source-maps',
    'd670460b4b4aece5915caf5c68d12f560a9fe3e4',
    '3f2b8c1e-9d47-4a6b-8e05-7c1f9ad2b364',
    'aGVsbG8gd29ybGQ=',
    'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIq7Zk3VxN0pLwT8sYb2RfJ6cHdG1mUoEaq7Zk3VxN0p someone@example.com',
    '-----BEGIN PUBLIC KEY-----',
    'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaAAAA1111',
  ])('%s', (value) => expect(secretKind(value)).toBeUndefined());
});
