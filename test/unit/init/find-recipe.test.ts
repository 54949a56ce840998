import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { check } from '../../../src/build/check.ts';
import { JettisonError } from '../../../src/errors/error.ts';
import { filesOf, findRecipe } from '../../../src/init/find-recipe.ts';
import type { BaseFamily, RecipeOptions } from '../../../src/init/image-recipe.ts';
import { projectFiles } from '../../../src/init/project-files.ts';
import { readProject } from '../../../src/init/read-project.ts';
import { PROJECTS, type Project, REFUSED } from './projects.ts';

const OPTIONS: RecipeOptions = { base: undefined, app: undefined, staticServer: 'nginx', hostNode: '22.1.0' };

function recipeOf({ files, options }: Pick<Project, 'files' | 'options'>) {
  const text = (value: string | object) => (typeof value === 'string' ? value : JSON.stringify(value));
  const table = projectFiles(Object.keys(files), (path) => text(files[path]!));
  return findRecipe(table, { ...OPTIONS, ...options });
}

describe('findRecipe', () => {
  it.each(Object.entries(PROJECTS))('writes a Dockerfile for %s', async (_, project) => {
    const recipe = recipeOf(project);
    const { Dockerfile: text = '', '.dockerignore': ignore } = filesOf(recipe, true);
    expect(recipe.description).toContain(project.found);
    for (const part of project.has) expect(text).toContain(part);
    for (const part of project.hasNot ?? []) expect(text).not.toContain(part);
    for (const note of project.notes ?? [])
      expect(recipe.notes.some((one) => one.startsWith(note))).toBe(true);
    expect(ignore).toMatch(/^\.git$/m);
    // Of every image: a numeric user that is not root, the exec form, and no finding of Docker's rules.
    const last = text.slice(text.lastIndexOf('\nFROM '));
    expect(last).toMatch(/^USER [1-9]\d*:[1-9]\d*$/m);
    expect(text).not.toMatch(/^(CMD|ENTRYPOINT) [^[]/m);
    const { error, findings } = await check({ file: '-', stdin: Readable.from([text]), offline: true });
    expect({ error, findings }).toEqual({ error: undefined, findings: [] });
  });

  it.each([
    ["@Controller() class A { @Get('health') a() {} }", '', '/health'],
    ["@Controller() class A { @Get('/health') a() {} }", "app.setGlobalPrefix('api')", '/api/health'],
    ["@Controller('ops') class A { @Get() a() {} @Get(`healthz`) b() {} }", '', '/ops/healthz'],
    ["@Controller('health') class A { @Get('live') a() {} @Get(':id') b() {} }", '', '/health/live'],
    [
      "@Controller('health') class A { @Get() a() {} }",
      "app.setGlobalPrefix('/v2/', { exclude: ['health'] })",
      '/health',
    ],
    ["@Controller({ path: 'health', version: '1' }) class A { @Get() a() {} }", '', undefined],
    ["@Controller('users') class A { @Get(':id/health') a() {} @Post('health') b() {} }", '', undefined],
    ["@Controller('health') class A {}", '', undefined],
  ])('finds the health route of NestJS in %s %s', (controller, main, health) => {
    const sources = { 'src/app.controller.ts': controller, 'src/main.ts': `${main}; app.listen(3000)` };
    const manifest = { dependencies: { '@nestjs/core': '11' }, scripts: { build: 'nest build' } };
    const files = { 'package.json': manifest, 'package-lock.json': '{}', ...sources };
    expect(recipeOf({ files }).health).toBe(health);
  });

  it.each(Object.entries(REFUSED))('refuses %s with a clear message', (_, { code, says, ...project }) => {
    let error: unknown;
    try {
      recipeOf(project);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(JettisonError);
    const { code: found, message, hint } = error as JettisonError;
    expect(found).toBe(code);
    expect(`${message} ${hint}`).toContain(says);
  });

  it.each(['alpine', 'slim', 'distroless', 'host'] as BaseFamily[])('takes --base %s', async (base) => {
    const recipe = recipeOf({ ...PROJECTS['Express with npm']!, options: { base } });
    const { Dockerfile: text = '' } = filesOf(recipe, false);
    const images = {
      alpine: '-alpine',
      slim: '-slim',
      distroless: 'gcr.io/distroless/nodejs24',
      host: 'node:host-slim',
    };
    expect(text).toContain(images[base]);
    expect(text).toContain(base === 'distroless' ? 'CMD ["server.js"]' : 'CMD ["node", "server.js"]');
    expect(recipe.hostBases.map(({ name }) => name)).toEqual(
      base === 'host' ? ['node:host', 'node:host-slim'] : [],
    );
  });

  it.each([
    ['.nvmrc', 'v20.11.1', '20.11.1'],
    ['.nvmrc', 'lts/jod', '22'],
    ['.node-version', '22', '22'],
  ])('takes the version of Node of %s %s', (path, text, version) => {
    const { files } = PROJECTS['Express with npm']!;
    expect(recipeOf({ files: { ...files, [path]: `${text}\n` } }).description).toContain(`Node ${version}`);
  });

  it('takes the newest version with long-term support that engines allows', () => {
    const files = (node: string) => ({
      'package.json': { main: 'server.js', engines: { node } },
      'server.js': '',
    });
    expect(recipeOf({ files: files('>=18 <23') }).description).toContain('Node 22');
    expect(recipeOf({ files: files('^18') }).description).toContain('Node 18');
  });
});

describe('readProject', () => {
  it('reads regular files and follows no symbolic link', () => {
    const folder = mkdtempSync(join(tmpdir(), 'jettison-init-'));
    writeFileSync(join(folder, 'package.json'), '{}');
    symlinkSync('/etc/passwd', join(folder, 'go.mod'));
    const files = readProject(folder);
    expect(files.paths).toEqual(['package.json']);
    expect(files.text('go.mod')).toBeUndefined();
    rmSync(folder, { recursive: true });
  });

  it('reports a folder that does not exist', () => {
    expect(() => readProject('/does/not/exist')).toThrow(expect.objectContaining({ code: 'INIT_FOLDER' }));
  });
});
