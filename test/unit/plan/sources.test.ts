import { describe, expect, test } from 'vitest';
import { readNamedContexts } from '../../../src/build/planning.ts';
import { parseDockerfile } from '../../../src/dockerfile/parse.ts';
import { contextName, type NamedContext } from '../../../src/plan/named-contexts.ts';
import type { CopyStep, PlannedStage } from '../../../src/plan/plan.ts';
import { planBuild } from '../../../src/plan/planner.ts';

const LINUX = { os: 'linux', architecture: 'amd64' };
const SUM = `sha256:${'0'.repeat(64)}`;

function plan(text: string, contexts: Record<string, NamedContext> = {}): PlannedStage {
  const result = planBuild({
    dockerfile: parseDockerfile(text, 'Dockerfile'),
    buildArgs: {},
    labels: {},
    platform: LINUX,
    buildPlatform: LINUX,
    network: 'host',
    contexts: new Map(Object.entries(contexts)),
    images: new Map(),
  });
  if (result.kind === 'plan') return result.plan.target;
  throw new Error(`missing ${result.images.map(({ reference }) => reference).join()}`);
}

const copies = (text: string, contexts?: Record<string, NamedContext>) =>
  plan(`FROM scratch\n${text}\n`, contexts).steps as CopyStep[];
const code = (text: string) => {
  try {
    copies(text);
  } catch (error) {
    return (error as { code: string }).code;
  }
  return undefined;
};

describe('remote sources of ADD', () => {
  test('URLs and repositories are parted from files, and keep their place', () => {
    const [step] = copies(`ADD --exclude=x a https://e.com/p/f?q git@e.com:r#main b http://e.com /d/`);
    expect(step).toMatchObject({
      sources: ['a', 'b'],
      remotes: [
        { position: 1, kind: 'http', url: 'https://e.com/p/f?q', name: 'f', unpack: false },
        { position: 1, kind: 'git', source: { url: 'git@e.com:r', ref: 'main', keepGitDir: false } },
        { position: 2, kind: 'http', url: 'http://e.com', name: '__unnamed__' },
      ],
    });
  });

  test.each([
    ['https://e.com/a/b/', 'b'],
    ['https://e.com/a%20b', 'a b'],
    ['https://e.com/%zz', '__unnamed__'],
    ['https://e.com/', '__unnamed__'],
  ])('%s is called %s', (url, name) => {
    expect(copies(`ADD ${url} /d/`)[0]!.remotes).toMatchObject([{ name }]);
  });

  test('flags', () => {
    expect(copies(`ADD --checksum=${SUM} --unpack https://e.com/f /`)[0]!.remotes).toMatchObject([
      { checksum: SUM, unpack: true },
    ]);
    expect(copies('ADD --keep-git-dir --checksum=abc https://e.com/r.git /')[0]!.remotes).toMatchObject([
      { source: { keepGitDir: true, checksum: 'abc' } },
    ]);
  });

  test('the history shows the source as written', () => {
    const { history } = plan(`FROM scratch\nADD --checksum=${SUM} https://e.com/f /d\n`);
    expect(history.map(({ createdBy }) => createdBy)).toEqual(['ADD https://e.com/f /d # buildkit']);
  });

  test('invalid sources and checksums are refused', () => {
    expect(code('COPY https://e.com/f /')).toBe('COPY_REMOTE');
    expect(code('COPY git@e.com:r /')).toBe('COPY_REMOTE');
    expect(code(`ADD --checksum=${SUM} f /`)).toBe('ADD_CHECKSUM');
    expect(code(`ADD --checksum=${SUM} https://e.com/f https://e.com/g /`)).toBe('ADD_CHECKSUM');
    expect(code('ADD --checksum=abc https://e.com/f /')).toBe('ADD_CHECKSUM');
    expect(code('ADD https://e.com/r.git#-x /')).toBe('GIT_URL');
  });
});

describe('contexts by name', () => {
  test('names are compared as images are', () => {
    expect(
      ['Alpine', 'alpine:latest', 'docker.io/library/alpine', 'alpine:3', 'a b'].map(contextName),
    ).toEqual(['alpine', 'alpine', 'alpine', 'alpine:3', 'a b']);
  });

  test('a stage on files begins with them', () => {
    const stage = plan('FROM code\nCOPY --from=code x /\n', { code: { kind: 'files' } });
    expect(stage.base.kind).toBe('scratch');
    expect(stage.steps).toMatchObject([
      { id: 'stage-0/1', from: { kind: 'named', name: 'code' }, sources: ['/'], destination: '/' },
      { id: 'stage-0/2', from: { kind: 'named', name: 'code' }, sources: ['x'] },
    ]);
  });

  test('a stage of that name is not carried out', () => {
    const stage = plan('FROM alpine AS Gone\nRUN false\nFROM gone\nUSER a\n', { gone: { kind: 'files' } });
    expect(stage.base).toMatchObject({ kind: 'stage', stage: { name: 'gone', steps: [{ kind: 'copy' }] } });
    expect(stage.config.User).toBe('a');
  });

  test('scratch is always scratch; other images are asked for by their new name', () => {
    expect(plan('FROM scratch\n', { scratch: { kind: 'files' } }).steps).toEqual([]);
    const context: NamedContext = { kind: 'image', reference: 'docker.io/library/other:1' };
    expect(() => plan('FROM node\n', { node: context })).toThrow('missing docker.io/library/other:1');
    expect(() => plan('FROM scratch\nCOPY --from=node a /\n', { node: context })).toThrow('other:1');
  });

  test('places are read', () => {
    const { contexts, files } = readNamedContexts({
      a: './dir',
      b: 'docker-image://node:20',
      c: 'oci-layout:///x:1',
      d: 'https://e.com/r.git#v1',
      e: 'https://e.com/x.tar',
    });
    expect(Object.fromEntries(contexts)).toEqual({
      a: { kind: 'files' },
      b: { kind: 'image', reference: 'docker.io/library/node:20' },
      c: { kind: 'image', reference: 'oci-layout:///x:1' },
      d: { kind: 'files' },
      e: { kind: 'files' },
    });
    expect([...files.values()].map(({ kind }) => kind)).toEqual(['directory', 'git', 'http']);
    expect(() => readNamedContexts({ a: '-' })).toThrow(expect.objectContaining({ exitCode: 2 }));
    expect(() => readNamedContexts({ a: 'target:x' })).not.toThrow();
  });
});
