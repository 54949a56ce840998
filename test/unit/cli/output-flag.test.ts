import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { type OutputFlag, outputFlags, outputOf, parseOutput } from '../../../src/cli/flags/output.ts';
import { JettisonError } from '../../../src/errors/error.ts';

const stdout = new PassThrough();
const output = (text: string) => outputOf(parseOutput(text), { cwd: '/home/app', stdout });

describe('--output', () => {
  it.each([
    ['out', { type: 'local', path: '/home/app/out' }],
    ['-', { type: 'tar', to: { stream: stdout } }],
    ['type=tar,dest=a.tar', { type: 'tar', to: { path: '/home/app/a.tar' } }],
    ['type=local,dest=/abs', { type: 'local', path: '/abs' }],
    ['type=oci,dest=-', { type: 'archive', format: 'oci-archive', to: { stream: stdout }, form: {} }],
    ['type=oci,tar=false,dest=d', { type: 'layout', path: '/home/app/d', form: {} }],
    ['type=docker', { type: 'engine', form: {} }],
    [
      'type=docker,dest=x',
      { type: 'archive', format: 'docker-archive', to: { path: '/home/app/x' }, form: {} },
    ],
  ])('%s', (text, expected) => {
    expect(output(text)).toEqual(expected);
  });

  it('reads everything that images have', () => {
    expect(
      output(
        'type=registry,"name=a,reg.example.com/b:1",compression=zstd,compression-level=7,force-compression=true,' +
          'rewrite-timestamp=1,annotation.a=b=c,annotation-index.i=j,annotation-manifest-descriptor.d=e,registry.insecure=true',
      ),
    ).toEqual({
      type: 'image',
      push: true,
      insecure: true,
      names: ['docker.io/library/a:latest', 'reg.example.com/b:1'],
      form: {
        compression: { type: 'zstd', level: 7 },
        forceCompression: true,
        rewriteTimestamp: true,
        annotations: { manifest: { a: 'b=c' }, index: { i: 'j' }, manifestDescriptor: { d: 'e' } },
      },
    });
  });

  it.each([
    ['type=qcow,dest=x', 'unknown output type "qcow"'],
    ['dest=x', 'the output "dest=x" has no type'],
    ['type=tar', 'type=tar needs a dest'],
    ['type=tar,dest=x,compression=gzip', 'type=tar has no "compression"'],
    ['type=local,dest=-', 'a folder cannot go to standard output'],
    ['type=oci,tar=false', 'type=oci needs a dest'],
    ['type=oci,tar=false,dest=-', 'a folder cannot go to standard output'],
    ['type=docker,tar=false', 'type=docker has no "tar"'],
    ['type=tar,dest=', 'dest= is empty'],
    ['type=image,dest=x', 'type=image has no dest'],
    ['type=image,compression=estargz', 'unknown compression "estargz"'],
    ['type=image,compression-level=high', 'invalid compression level "high"'],
    ['type=image,compression=gzip,compression-level=10', 'gzip has no level 10'],
    ['type=image,compression=uncompressed,compression-level=1', 'uncompressed has no level 1'],
    ['type=image,push=maybe', 'push=maybe is neither true nor false'],
    ['type=image,frobnicate=1', 'type=image has no "frobnicate"'],
    ['type=image,push-by-digest=true', 'push-by-digest=true needs a name'],
  ])('refuses %s', (text, message) => {
    expect(() => parseOutput(text)).toThrow(expect.objectContaining({ message, exitCode: 2 }));
  });

  it.each([
    ['type=imgae', 'Did you mean image?'],
    ['type=qcow', 'The types are image, registry, docker, oci, tar, local.'],
    ['type=image,compresion=zstd', 'Did you mean compression?'],
    ['type=tar,dest=x,push=true', 'See docs/output.md for its keys.'],
  ])('hints at what %s should be', (text, hint) => {
    expect(() => parseOutput(text)).toThrow(expect.objectContaining({ hint }));
  });

  it('refuses an archive for a terminal', () => {
    const terminal = Object.assign(new PassThrough(), { isTTY: true });
    expect(() => outputOf(parseOutput('-'), { cwd: '/', stdout: terminal })).toThrow(JettisonError);
  });
});

describe('the flags around it', () => {
  const types = (flags: OutputFlag[]) =>
    flags.map(({ options: { type, push } }) => (push ? `${type}+push` : type));

  it('--push and --load mean outputs of their own', () => {
    expect(types(outputFlags({ push: true }))).toEqual(['image+push']);
    expect(types(outputFlags({ load: true }))).toEqual(['image', 'engine']);
    expect(types(outputFlags({ push: true, load: true }))).toEqual(['image+push', 'engine']);
    expect(types(outputFlags({ push: true, output: ['type=image', 'x'] }))).toEqual(['image+push', 'local']);
    expect(types(outputFlags({ load: true, output: ['type=docker'] }))).toEqual(['engine']);
  });

  it('--annotation goes to every image', () => {
    const [image, files] = outputFlags({
      output: ['type=oci,dest=a', 'b'],
      annotation: ['index:k=v', 'm=n'],
    });
    expect(image!.options.form?.annotations).toEqual({ index: { k: 'v' }, manifest: { m: 'n' } });
    expect(files!.options).toEqual({ type: 'local' });
    expect(types(outputFlags({ annotation: ['a=b'] }))).toEqual(['image']);
  });

  it('only one output goes to standard output', () => {
    expect(() => outputFlags({ output: ['-', 'type=oci,dest=-'] })).toThrow(/only one output/);
  });
});
