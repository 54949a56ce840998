import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JettisonError } from '../../../src/errors/error.ts';
import { type Digest, sha256 } from '../../../src/image/digest.ts';
import { REF_NAME } from '../../../src/image/layout.ts';
import { type Descriptor, MEDIA } from '../../../src/image/types.ts';
import { FolderWriter, type FolderWriterOptions } from '../../../src/layout/folder-writer.ts';
import { ImageLayout } from '../../../src/layout/image-layout.ts';
import { tempDir } from '../../support/temp-dir.ts';

const OPTIONS: FolderWriterOptions = {
  unwritable: (cause) => new JettisonError('TEST_UNWRITABLE', cause.message, { cause }),
  invalid: (reason) => new JettisonError('TEST_INVALID', reason),
};

/** Some bytes in chunks of a size. */
async function* chunks(bytes: Uint8Array, size = 7): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const descriptor = (bytes: Uint8Array): Descriptor => ({
  mediaType: MEDIA.ociManifest,
  digest: sha256(bytes),
  size: bytes.length,
});

async function collect(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of bytes) parts.push(part);
  return Buffer.concat(parts);
}

const pathsOf = (folder: string) => readdirSync(folder, { recursive: true }).map(String).sort();
const codeOf = (error: unknown) => (error instanceof JettisonError ? error.code : error);

const blobs = fc.uniqueArray(fc.uint8Array({ maxLength: 100 }), {
  minLength: 1,
  maxLength: 6,
  selector: (bytes) => sha256(bytes),
});

describe('an image layout in a folder', () => {
  it('is read back as it was written', async () => {
    await fc.assert(
      fc.asyncProperty(
        blobs,
        fc.boolean(),
        fc.integer({ min: 1, max: 50 }),
        async (all, reproducible, size) => {
          const folder = join(tempDir(), 'made', 'layout');
          const writer = new FolderWriter(folder, { ...OPTIONS, reproducible });
          const entries = all.map((bytes, at) => ({
            ...descriptor(bytes),
            annotations: { [REF_NAME]: `tag-${at}` },
          }));
          for (const [at, bytes] of all.entries()) await writer.addBlob(entries[at]!, chunks(bytes, size));
          await writer.writeIndex(entries);
          writer.finish();
          const layout = ImageLayout.folder(folder);
          expect(layout.index().manifests).toEqual(entries);
          for (const [at, bytes] of all.entries()) {
            expect(layout.choose(`tag-${at}`)).toEqual(entries[at]);
            expect(Buffer.compare(await collect(layout.blob(entries[at]!)), bytes)).toBe(0);
            expect(Buffer.compare(layout.document(entries[at]!.digest, 'manifest-size'), bytes)).toBe(0);
          }
          const files = entries.map(({ digest }) => `blobs/${digest.replace(':', '/')}`);
          expect(pathsOf(folder)).toEqual(
            ['blobs', 'blobs/sha256', 'index.json', 'oci-layout', ...files].sort(),
          );
        },
      ),
      { numRuns: 30 },
    );
  });

  it('is whole at every moment: what stood there before, or what is written', async () => {
    const folder = tempDir();
    const [old, next] = [Buffer.from('old'), Buffer.from('next')];
    const write = async (bytes: Buffer, see: () => void) => {
      const writer = new FolderWriter(folder, OPTIONS);
      async function* seen() {
        for await (const chunk of chunks(bytes, 1)) {
          see();
          yield chunk;
        }
        see();
      }
      await writer.addBlob(descriptor(bytes), seen());
      see();
      await writer.writeIndex([descriptor(bytes)]);
      writer.finish();
    };
    const nothingYet = () => expect(existsSync(join(folder, 'index.json'))).toBe(false);
    await write(old, nothingYet);
    const oldThere = () => {
      const layout = ImageLayout.folder(folder);
      expect(layout.document(layout.choose().digest, 'manifest-size')).toEqual(old);
    };
    await write(next, oldThere);
    expect(ImageLayout.folder(folder).choose().digest).toBe(sha256(next));
    // What else is there stays.
    expect(ImageLayout.folder(folder).document(sha256(old), 'manifest-size')).toEqual(old);
  });

  it('holds no blob that is not what its descriptor says', async () => {
    const folder = tempDir();
    const writer = new FolderWriter(folder, OPTIONS);
    const bytes = Buffer.from('content');
    const wrong: Descriptor[] = [
      { ...descriptor(bytes), size: bytes.length + 1 },
      { ...descriptor(bytes), digest: sha256('other') },
    ];
    for (const blob of wrong) {
      expect(codeOf(await writer.addBlob(blob, chunks(bytes)).catch((error: unknown) => error))).toBe(
        'DIGEST_MISMATCH',
      );
    }
    const invalid = { digest: 'sha256:../../x' as Digest, size: 1 };
    await expect(writer.addBlob(invalid, chunks(bytes))).rejects.toThrow('invalid digest');
    expect(pathsOf(folder)).toEqual(['tmp']);
    writer.finish();
    expect(pathsOf(folder)).toEqual([]);
  });

  it('fails with the error of what it reads, and with the error of the caller where it cannot write', async () => {
    const folder = tempDir();
    const writer = new FolderWriter(folder, OPTIONS);
    const unreadable = Object.assign(new Error('unreadable'), { syscall: 'read', code: 'EIO' });
    // biome-ignore lint/correctness/useYield: it fails before
    async function* broken(): AsyncGenerator<Uint8Array> {
      throw unreadable;
    }
    const blob = descriptor(Buffer.from('x'));
    await expect(writer.addBlob(blob, broken())).rejects.toBe(unreadable);
    mkdirSync(join(folder, 'index.json'));
    expect(codeOf(await writer.writeIndex([]).catch((error: unknown) => error))).toBe('TEST_UNWRITABLE');
    const file = join(folder, 'file');
    writeFileSync(file, '');
    const inFile = new FolderWriter(join(file, 'layout'), OPTIONS);
    expect(codeOf(await inFile.writeIndex([]).catch((error: unknown) => error))).toBe('TEST_UNWRITABLE');
  });

  it.each(['tmp', 'blobs', 'blobs/sha256'])(
    'is never left through a link in the place of %s',
    async (name) => {
      const root = tempDir();
      const [folder, outside] = [join(root, 'layout'), join(root, 'outside')];
      mkdirSync(join(folder, name, '..'), { recursive: true });
      mkdirSync(outside);
      symlinkSync(outside, join(folder, name));
      const leftover = join(outside, '01234567-89ab-cdef-0123-456789abcdef');
      writeFileSync(leftover, 'mine');
      utimesSync(leftover, 0, 0);
      const writer = new FolderWriter(folder, OPTIONS);
      const bytes = Buffer.from('x');
      const failure = await writer.addBlob(descriptor(bytes), chunks(bytes)).catch((error: unknown) => error);
      expect(codeOf(failure)).toBe('TEST_INVALID');
      writer.finish();
      expect(pathsOf(outside)).toEqual(['01234567-89ab-cdef-0123-456789abcdef']);
    },
  );

  it('replaces a link in the place of a file, and not what it leads to', async () => {
    const root = tempDir();
    const folder = join(root, 'layout');
    mkdirSync(folder);
    writeFileSync(join(root, 'precious'), 'mine');
    symlinkSync('../precious', join(folder, 'index.json'));
    expect(readlinkSync(join(folder, 'index.json'))).toBe('../precious');
    await new FolderWriter(folder, OPTIONS).writeIndex([]);
    expect(lstatSync(join(folder, 'index.json')).isFile()).toBe(true);
    expect(readFileSync(join(root, 'precious'), 'utf8')).toBe('mine');
  });

  it('has the same modes and times whoever writes it, if it is to be reproducible', async () => {
    const folder = join(tempDir(), 'layout');
    mkdirSync(join(folder, 'blobs/sha256'), { recursive: true, mode: 0o700 });
    const writer = new FolderWriter(folder, { ...OPTIONS, reproducible: true });
    const bytes = Buffer.from('x');
    await writer.addBlob(descriptor(bytes), chunks(bytes));
    await writer.writeIndex([descriptor(bytes)]);
    writer.finish();
    const facts = pathsOf(folder).map((path) => {
      const { mode, mtimeMs } = statSync(join(folder, path));
      return [path, (mode & 0o7777).toString(8), mtimeMs];
    });
    const files = [`blobs/${sha256(bytes).replace(':', '/')}`, 'index.json', 'oci-layout'];
    expect(facts).toEqual([
      ['blobs', '755', 0],
      ['blobs/sha256', '755', 0],
      ...files.map((file) => [file, '644', 0]),
    ]);
  });

  it('is freed of what killed writers left, a day later', async () => {
    const folder = tempDir();
    mkdirSync(join(folder, 'tmp'));
    const paths = [
      '01234567-89ab-cdef-0123-456789abcdef',
      '11234567-89ab-cdef-0123-456789abcdef',
      'notes',
    ].map((name) => join(folder, 'tmp', name));
    for (const path of paths) writeFileSync(path, '');
    for (const path of [paths[0]!, paths[2]!]) utimesSync(path, 0, 0);
    const writer = new FolderWriter(folder, OPTIONS);
    await writer.writeIndex([]);
    writer.finish();
    expect(paths.map((path) => existsSync(path))).toEqual([false, true, true]);
  });

  it('has many writers at once', async () => {
    const folder = join(tempDir(), 'layout');
    const all = Array.from({ length: 30 }, (_, number) => Buffer.from(`blob ${number}`));
    await Promise.all(
      all.map(async (bytes) => {
        const writer = new FolderWriter(folder, OPTIONS);
        await writer.addBlob(descriptor(bytes), chunks(bytes));
        await writer.writeIndex(all.map(descriptor));
        writer.finish();
      }),
    );
    const layout = ImageLayout.folder(folder);
    expect(layout.index().manifests).toEqual(all.map(descriptor));
    for (const bytes of all) expect(layout.document(sha256(bytes), 'manifest-size')).toEqual(bytes);
    expect(pathsOf(folder)).not.toContainEqual(expect.stringMatching(/^tmp\/./));
  });
});
