import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { command } from '../../../src/cli/commands/init.ts';
import { runCommand } from '../../support/images.ts';
import { tempDir } from '../../support/temp-dir.ts';

let cwd: string;
beforeEach(() => {
  cwd = join(tempDir(), 'shop');
  mkdirSync(cwd);
  writeFileSync(join(cwd, 'package.json'), '{ "main": "server.js", "dependencies": { "express": "4" } }');
  writeFileSync(join(cwd, 'server.js'), "app.get('/health'); app.listen(3000);");
});
const init = (...args: string[]) => runCommand(command, args, { home: join(cwd, '.store'), cwd });
const file = (name: string) => readFileSync(join(cwd, name), 'utf8');

describe('jettison init', () => {
  it('writes files, and never overwrites them', async () => {
    expect(await init('--no-verify', '--compose')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('Not verified'),
    });
    const written = ['.dockerignore', 'Dockerfile', 'compose.yaml'];
    expect(readdirSync(cwd)).toEqual(expect.arrayContaining(written));
    writeFileSync(join(cwd, 'Dockerfile'), 'FROM scratch\n');
    const { error } = await init('--no-verify', '--compose');
    expect(error).toMatchObject({ code: 'INIT_EXISTS', exitCode: 2 });
    for (const name of written) expect(error!.message).toContain(name);
    expect(file('Dockerfile')).toBe('FROM scratch\n');
  });

  it('prints the Dockerfile, or shows all files, and writes nothing', async () => {
    const before = readdirSync(cwd);
    expect((await init('--stdout')).stdout).toMatch(/^# syntax=docker\/dockerfile:1\n/);
    expect((await init('--dry-run')).stdout).toMatch(/^\+\+\+ b\/\.dockerignore/m);
    expect(readdirSync(cwd)).toEqual(before);
  });

  it('shows a diff with --update, and changes files with --yes', async () => {
    writeFileSync(join(cwd, 'Dockerfile'), 'FROM node:20\n');
    expect((await init('--update', '--no-verify')).error).toMatchObject({ code: 'USAGE' });
    expect(file('Dockerfile')).toBe('FROM node:20\n');
    chmodSync(join(cwd, 'Dockerfile'), 0o600);
    const { code, stdout } = await init('--update', '--yes', '--no-verify');
    expect(code).toBe(0);
    expect(stdout).toContain('-FROM node:20\n');
    expect(file('Dockerfile')).toContain('AS production');
    expect(statSync(join(cwd, 'Dockerfile')).mode & 0o777).toBe(0o600);
    expect(readdirSync(cwd).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    expect((await init('--update', '--no-verify')).stdout).toContain('as init would write them');
  });
});
