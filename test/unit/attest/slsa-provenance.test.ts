import fc from 'fast-check';
import { expect, test } from 'vitest';
import { imageSubjects } from '../../../src/attest/in-toto.ts';
import { imagePurl } from '../../../src/attest/purl.ts';
import { type BuildFacts, provenanceOf } from '../../../src/attest/slsa-provenance.ts';
import type { Digest } from '../../../src/image/digest.ts';

const AMD64 = { os: 'linux', architecture: 'amd64' };
const DIGEST: Digest = `sha256:${'a'.repeat(64)}`;

test.each([
  ['docker.io/library/node:20', 'pkg:docker/node@20?platform=linux%2Famd64'],
  ['docker.io/team/app:1.0', 'pkg:docker/team/app@1.0?platform=linux%2Famd64'],
  ['127.0.0.1:5000/app:1', 'pkg:docker/127.0.0.1:5000/app@1?platform=linux%2Famd64'],
  [`ghcr.io/a/b:1@${DIGEST}`, `pkg:docker/ghcr.io/a/b@1?digest=${DIGEST}&platform=linux%2Famd64`],
  [`ghcr.io/a/b@${DIGEST}`, `pkg:docker/ghcr.io/a/b?digest=${DIGEST}&platform=linux%2Famd64`],
])('the package URL of %s', (name, purl) => {
  expect(imagePurl(name, AMD64)).toBe(purl);
});

test('an image without a name is the subject "_", as in BuildKit', () => {
  expect(imageSubjects([], AMD64, DIGEST)).toEqual([{ name: '_', digest: { sha256: 'a'.repeat(64) } }]);
});

const facts: BuildFacts = {
  source: undefined,
  dockerfile: { path: 'Dockerfile', text: 'FROM scratch\n' },
  locals: ['context', 'dockerfile'],
  ...{ args: {}, withheld: [], secrets: [], ssh: [], dependencies: [], steps: [], layers: {} },
  builderPlatform: 'linux/amd64',
  isHermetic: false,
  vcs: undefined,
  ...{ startedMs: 0, finishedMs: 1500, builderId: '', version: '1.0.0' },
};

test('mode=min says nothing that arguments, secrets, steps or the Dockerfile say', () => {
  const words = fc.stringMatching(/^[A-Z]{12}$/);
  fc.assert(
    fc.property(fc.uniqueArray(words, { minLength: 6, maxLength: 6 }), (secret) => {
      const [value, withheld, id, ssh, instruction, text] = secret as [string, ...string[]];
      const given = {
        ...facts,
        dockerfile: { path: 'Dockerfile', text: text! },
        ...{ args: { 'build-arg:a': value }, withheld: [withheld!] },
        ...{ secrets: [{ id: id!, optional: true }], ssh: [{ id: ssh!, optional: true }] },
        steps: [{ id: 's/1', instruction: instruction!, line: 1, inputs: [] }],
      };
      const max = JSON.stringify(provenanceOf(given, 'max'));
      const min = JSON.stringify(provenanceOf(given, 'min'));
      for (const word of [value, withheld, id, ssh, instruction]) expect(max).toContain(word);
      for (const word of [...secret, Buffer.from(text!).toString('base64')]) expect(min).not.toContain(word);
      expect(invocation(given, 'min')).toBe(invocation(given, 'max'));
    }),
  );
});

test('a request is complete only when nothing was left out', () => {
  const complete = (more: Partial<BuildFacts>, mode: 'min' | 'max') =>
    metadataOf({ ...facts, ...more }, mode)['jettison_completeness'];
  expect(complete({}, 'max')).toEqual({ request: true, resolvedDependencies: false });
  expect(complete({ withheld: ['build-arg:TOKEN'] }, 'max')).toMatchObject({ request: false });
  expect(complete({}, 'min')).toMatchObject({ request: false });
  expect(complete({ locals: [] }, 'max')).toMatchObject({ resolvedDependencies: true });
});

test('times have whole seconds', () => {
  expect(metadataOf(facts, 'min')).toMatchObject({
    ...{ startedOn: '1970-01-01T00:00:00Z', finishedOn: '1970-01-01T00:00:01Z' },
  });
});

function metadataOf(given: BuildFacts, mode: 'min' | 'max'): Record<string, unknown> {
  const { runDetails } = provenanceOf(given, mode) as { runDetails: { metadata: Record<string, unknown> } };
  return runDetails.metadata;
}

function invocation(given: BuildFacts, mode: 'min' | 'max'): unknown {
  return metadataOf(given, mode)['invocationId'];
}
