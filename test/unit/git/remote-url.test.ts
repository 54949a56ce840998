import { mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { HostFiles } from '../../../src/git/host-files.ts';
import { remoteUrl } from '../../../src/git/remote-url.ts';
import { tempDir } from '../../support/temp-dir.ts';

test.each([
  ['[remote "origin"]\n\turl = https://h.example/r.git\n\tfetch = +refs/*\n', 'https://h.example/r.git'],
  [
    '[remote "a"]\n\turl = git@h:a.git\n[remote "origin"]\n\tfetch = x\n\turl = git@h:b.git\n[branch "main"]\n\tremote = a\n',
    'git@h:b.git',
  ],
  ['[remote "upstream"]\n\turl = "https://h.example/r.git"\n', 'https://h.example/r.git'],
  ['[remote "a"]\n\turl = x\n[remote "b"]\n\turl = y\n', undefined],
  ['[core]\n\turl = x\n', undefined],
])('the remote of the config %j', (config, url) => {
  const folder = realpathSync(tempDir());
  mkdirSync(join(folder, '.git'));
  mkdirSync(join(folder, 'sub'));
  writeFileSync(join(folder, '.git/HEAD'), 'ref: refs/heads/main\n');
  writeFileSync(join(folder, '.git/config'), config);
  expect(remoteUrl(new HostFiles(), join(folder, 'sub'))).toBe(url);
});
