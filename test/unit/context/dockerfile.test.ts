import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { readDockerfile } from '../../../src/context/dockerfile.ts';
import { tempDir } from '../../support/temp-dir.ts';

let directory: string;
beforeEach(() => {
  directory = tempDir();
});

function write(path: string, text: string | Buffer = `text of ${path}`): void {
  mkdirSync(join(directory, path, '..'), { recursive: true });
  writeFileSync(join(directory, path), text);
}

async function* stdin(...chunks: string[]) {
  for (const chunk of chunks) yield Buffer.from(chunk);
}

describe('finding the Dockerfile', () => {
  test('Dockerfile comes before dockerfile', async () => {
    write('dockerfile');
    expect(await readDockerfile({ directory })).toEqual({ text: 'text of dockerfile', name: 'dockerfile' });
    write('Dockerfile');
    expect(await readDockerfile({ directory })).toEqual({ text: 'text of Dockerfile', name: 'Dockerfile' });
  });

  test('-f is relative to the working directory', async () => {
    write('docker/api.Dockerfile');
    const found = await readDockerfile({ directory, file: 'api.Dockerfile', cwd: join(directory, 'docker') });
    expect(found).toEqual({ text: 'text of docker/api.Dockerfile', name: 'api.Dockerfile' });
  });

  test('its own ignore file comes before that of the context', async () => {
    write('docker/api.Dockerfile');
    write('.dockerignore');
    const options = { directory, file: 'docker/api.Dockerfile', cwd: directory };
    expect(await readDockerfile(options)).toMatchObject({
      ignoreText: 'text of .dockerignore',
      ignoreName: '.dockerignore',
    });
    write('docker/api.Dockerfile.dockerignore', '');
    expect(await readDockerfile(options)).toMatchObject({
      ignoreText: '',
      ignoreName: 'docker/api.Dockerfile.dockerignore',
    });
  });

  test('-f - reads standard input, and the ignore file of the context', async () => {
    write('.dockerignore');
    expect(await readDockerfile({ directory, file: '-', stdin: stdin('FROM ', 'scratch') })).toEqual({
      text: 'FROM scratch',
      name: 'Dockerfile',
      ignoreText: 'text of .dockerignore',
      ignoreName: '.dockerignore',
    });
  });

  test('a byte order mark is left to the parser', async () => {
    write('Dockerfile', '\ufeffFROM scratch');
    expect((await readDockerfile({ directory })).text).toBe('\ufeffFROM scratch');
  });

  test('errors name the path and the problem', async () => {
    await expect(readDockerfile({ directory })).rejects.toMatchObject({ code: 'DOCKERFILE_MISSING' });
    await expect(readDockerfile({ directory, file: 'x' })).rejects.toMatchObject({
      code: 'DOCKERFILE_MISSING',
    });
    await expect(readDockerfile({ directory, file: '-', stdin: stdin() })).rejects.toMatchObject({
      code: 'DOCKERFILE_MISSING',
    });
    mkdirSync(join(directory, 'Dockerfile'));
    await expect(readDockerfile({ directory })).rejects.toMatchObject({
      code: 'DOCKERFILE_UNREADABLE',
      message: expect.stringContaining('is a directory'),
    });
    write('binary', Buffer.of(0x46, 0xff, 0xfe));
    await expect(readDockerfile({ directory, file: 'binary', cwd: directory })).rejects.toMatchObject({
      code: 'DOCKERFILE_UNREADABLE',
      message: expect.stringContaining('UTF-8'),
    });
    write('large', Buffer.alloc((16 << 20) + 1, 35));
    await expect(readDockerfile({ directory, file: 'large', cwd: directory })).rejects.toMatchObject({
      code: 'DOCKERFILE_UNREADABLE',
      message: expect.stringContaining('16 MiB'),
    });
  });
});
