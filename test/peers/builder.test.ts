import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { BuildOptions } from '../../src/build/build.ts';
import { parseBuilder } from '../../src/fleet/builder-address.ts';
import { checkBuilder } from '../../src/fleet/builder-facts.ts';
import { TestBuilds } from '../support/build.ts';
import { DOCKERS } from '../support/peers.ts';
import { whyNoSandbox } from '../support/sandbox.ts';

/** Engines with the containerd image store, whose BuildKit returns images: addresses with spaces between. */
const BUILDERS = process.env['JETTISON_PEER_BUILDERS']?.split(' ');

describe('BuildKit in an engine', () => {
  const check = (text: string) => {
    const { signal } = new AbortController();
    const [address] = parseBuilder(text, { env: process.env, cwd: '/', signal });
    return checkBuilder(address!, signal);
  };

  test('solves a small build and returns its image', async (ctx) => {
    if (BUILDERS === undefined) ctx.skip('JETTISON_PEER_BUILDERS names no builder');
    for (const builder of BUILDERS!) {
      expect(await check(builder)).toMatchObject([{ ok: true }, { ok: true }, { name: 'images', ok: true }]);
    }
  });

  test('without the containerd image store is refused with the setting that helps', async (ctx) => {
    const socket = /^unix:\/\/(.+)$/.exec(DOCKERS[0] ?? '')?.[1];
    if (socket === undefined) ctx.skip('there is no Docker engine');
    const checks = await check(`docker://${socket}`);
    const images = checks.find(({ name }) => name === 'images');
    if (images?.ok === true) ctx.skip('the engine has the containerd image store');
    expect(images).toMatchObject({ ok: false, hint: expect.stringContaining('containerd-snapshotter') });
  });
});

/** Writes the image's files to a folder: everything is cached. */
async function filesOf(builds: TestBuilds, dockerfile: string, options: Partial<BuildOptions>, name: string) {
  const path = join(builds.folder, name);
  await builds.build(dockerfile, { ...options, tags: [], outputs: [{ type: 'local', path }] });
  return path;
}

/** Paths, kinds, modes, owners and contents, without the mount points that BuildKit's runtime makes in a bare base. */
function listing(path: string): string {
  const script =
    'find . ! -path ./dev ! -path ./proc ! -path ./sys -printf "%P %y %m %U %G %l\\n" | sort && find result -type f -exec sha256sum {} + | sort';
  return execFileSync('sh', ['-c', script], { cwd: path, encoding: 'utf8' });
}

describe('a build whose RUNs are on a builder', () => {
  const DOCKERFILE = `FROM base AS made
ENV A="x y" B=\\$literal
WORKDIR /work
COPY files/ ./
RUN --mount=type=bind,source=files,target=/mnt --mount=type=tmpfs,target=/scratch cat /mnt/one > copy && echo "$A $B" > env
RUN <<EOF
#!/bin/sh
pwd > where
mkdir -p deep/er && ln -s ../where deep/link && chmod 600 where
EOF
RUN --mount=type=cache,target=/cache,uid=3 --mount=type=secret,id=token,env=TOKEN \\
    stat -c %u /cache > owner && printf %s "$TOKEN" | wc -c > length
RUN rm one && true
FROM base
COPY --from=made /work /result
USER 1000:1000
RUN --mount=type=bind,from=made,source=/work,target=/made id -u; test -f /made/where
RUN true
`;

  test('gives the same image as one whose RUNs are here', async (ctx) => {
    const why = whyNoSandbox();
    if (BUILDERS === undefined) ctx.skip('JETTISON_PEER_BUILDERS names no builder');
    if (why !== undefined) ctx.skip(why);
    const builds = await TestBuilds.create({}, { network: 'host' });
    try {
      builds.write({ 'files/one': '1', 'files/sub/two': '2' });
      const options: Partial<BuildOptions> = {
        secrets: { token: { value: 'abcdefg' } },
        tags: ['app'],
        reproducible: true,
      };
      const there = await builds.build(DOCKERFILE, { ...options, builders: BUILDERS!, fallback: 'none' });
      const far = listing(await filesOf(builds, DOCKERFILE, options, 'far'));
      const here = await builds.build(DOCKERFILE, { ...options, noCache: true });
      const near = listing(await filesOf(builds, DOCKERFILE, options, 'near'));
      expect(near).toBe(far);
      expect(near).toContain('result/deep/link');
      const configOf = ({ config }: typeof here) => ({ ...config, created: '', history: [] });
      expect(configOf(there)).toEqual(configOf(here));
      expect(there.output).not.toContain('abcdefg');
    } finally {
      builds.remove();
    }
  });
});
