import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TestBuilds } from '../support/build.ts';
import { HAS_REGISTRY, type RunningRegistry, startRegistry } from '../support/registry-program.ts';
import { whyNoSandbox } from '../support/sandbox.ts';
import { tempDir } from '../support/temp-dir.ts';

const HAS_SKOPEO = spawnSync('skopeo', ['--version']).status === 0;

const text = (file: string) => `FROM base AS build
RUN --mount=type=cache,target=/c ls /c; touch /c/${file} && echo same > /made
FROM base
COPY --from=build /made /made
`;

describe("a cache in Distribution's registry", () => {
  let folder: string;
  let registry: RunningRegistry;
  const machines: TestBuilds[] = [];

  beforeAll(async () => {
    if (!HAS_REGISTRY) return;
    folder = tempDir();
    registry = await startRegistry(folder);
  });
  afterAll(() => {
    if (!HAS_REGISTRY) return;
    registry.process.kill();
  });
  beforeEach((ctx) => {
    ctx.skip(!HAS_REGISTRY, 'docker-registry is not installed');
    const why = whyNoSandbox();
    if (why !== undefined) ctx.skip(why);
  });
  afterEach(() => {
    for (const builds of machines.splice(0)) builds.remove();
  });

  const machine = async () => {
    const builds = await TestBuilds.create({});
    machines.push(builds);
    return builds;
  };

  it('carries steps and cache mounts, and is as good when skopeo has copied it into a folder', async (ctx) => {
    ctx.skip(!HAS_SKOPEO, 'skopeo is not installed');
    const [one, two, three] = [await machine(), await machine(), await machine()];
    const ref = `localhost:${registry.port}/app:cache`;
    const to = { type: 'registry' as const, ref, mode: 'max' as const, cacheMounts: true };
    const first = await one.build(text('first'), { cacheTo: [to] });
    const second = await two.build(text('first'), { cacheFrom: [to], cacheTo: [to] });
    expect([second.output, second.digest]).toEqual(['', first.digest]);
    expect((await two.build(text('second'), { cacheFrom: [to], cacheTo: [to] })).output).toBe('first\n');

    const copy = join(folder, 'copy');
    const args = ['copy', '--src-tls-verify=false', `docker://${ref}`, `oci:${copy}:copied`];
    const { status, stderr } = spawnSync('skopeo', args, { encoding: 'utf8' });
    expect({ status, stderr }).toMatchObject({ status: 0 });
    const from = { type: 'local' as const, path: copy, tag: 'copied' };
    expect((await three.build(text('second'), { cacheFrom: [from] })).output).toBe('');
    expect((await three.build(text('third'), { cacheFrom: [from] })).output).toBe('first\nsecond\n');
  });

  it('is whole after many have written it at once', async () => {
    const ref = `localhost:${registry.port}/busy:cache`;
    const to = { type: 'registry' as const, ref, mode: 'max' as const, cacheMounts: true };
    const files = ['a', 'b', 'c', 'd'];
    for (const _ of files) await machine();
    await Promise.all(machines.map((one, i) => one.build(text(files[i]!), { cacheTo: [to] })));
    const last = await machine();
    const outputs: string[] = [];
    for (const file of files) outputs.push((await last.build(text(file), { cacheFrom: [to] })).output);
    // The one whose list stayed is known; the others run, the first of them with what that one left.
    const winner = files[outputs.indexOf('')]!;
    expect(outputs.filter((output) => output === '')).toHaveLength(1);
    expect(outputs.find((output) => output !== '')).toBe(`${winner}\n`);
  });
});
