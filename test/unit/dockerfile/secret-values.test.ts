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
    [`xo${'xb-'}2048176359-abc`, 'a Slack token'],
    [`-----BEGIN RSA ${'PRIVATE'} KEY-----\n${random}${random}`, 'a private key'],
    ['postgres://app:hunter2@db/app', 'a password in a URL'],
    [`ey${'J'}hbGciOiJIUzI1NiJ9.ey${'J'}zdWIiOiIx.SflKxwRJSMeKKF2QT4`, 'a JSON web token'],
    [`//registry.example.com/:_authToken=npm${'_'}${random}abcd`, 'an npm token'],
    [`github_${'pat'}_11ABCDEFG0${random}_${random}`, 'a GitHub token'],
    [`s${'k-'}proj-${random}${random}`, 'an OpenAI key'],
    [`s${'k_live'}_${random}`, 'a Stripe key'],
    ['https://user:pa55word@registry.example.com/npm/', 'a password in a URL'],
    [`-----BEGIN OPENSSH ${'PRIVATE'} KEY-----\n${random}${random}`, 'a private key'],
    [random, 'a random key'],
    [`${random}+/==`, 'a random key'],
    ['postgres://app:Xy7kQ2vB9@localhost:5432/app', 'a password in a URL'],
    ['postgres://app:password@db.prod.acme.io/app', 'a password in a URL'],
    ['postgres://postgres:postgres@10.1.2.3/app', 'a password in a URL'],
    ['redis://:s3cr3tV4lue@redis:6379', 'a password in a URL'],
    ['redis://:password@redis:6379,redis://:Zk3VxN0p@redis2:6379', 'a password in a URL'],
    ['amqp://bob:examples4ever@mq.acme.io', 'a password in a URL'],
  ])('%#', (value, kind) => expect(secretKind(value)).toBe(kind));
});

describe('values that do not', () => {
  it.each([
    '',
    'production',
    'postgresql://user:pass@localhost:5432/none',
    'postgres://postgres:postgres@db:5432/app',
    'redis://:password@redis:6379',
    'mysql://root:example@127.0.0.1/x',
    'mongodb://root:secret@[::1]:27017/x',
    'postgres://app:app@db.example.com/app',
    'https://user:changeme@registry.acme.io/npm/',
    'https://user:<token>@registry.acme.io/npm/',
    'https://oauth2:${TOKEN}@gitlab.acme.io/x.git',
    'https://oauth2:$TOKEN@gitlab.acme.io/x.git',
    'https://x:xxxxxxxx@registry.acme.io/',
    'https://x:your-password@registry.acme.io/',
    'https://x:dummy@registry.acme.io/',
    'https://x:***@registry.acme.io/',
    `gh${'p_'}${'x'.repeat(36)}`,
    `AK${'IA'}IOSFODNN7EXAMPLE`,
    `s${'k-'}${'0'.repeat(48)}`,
    'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
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
