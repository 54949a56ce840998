import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MergedTree } from '../../src/layer/merged-tree.ts';
import { below } from '../../src/layer/tree.ts';
import { TestBuilds } from '../support/build.ts';
import { whyNoSandbox } from '../support/sandbox.ts';
import { IS_THOROUGH } from '../support/thorough.ts';

const why = whyNoSandbox();
const RUNS = Number(process.env['JETTISON_LINK_ROUNDS'] ?? (IS_THOROUGH ? 6 : 3));
let builds: TestBuilds;

beforeAll(async () => {
  if (why !== undefined) return;
  builds = await TestBuilds.create({});
  builds.write({ 'ctx/one': 'one', 'ctx/two': 'two' });
});
afterAll(() => builds?.remove());

/** Makes files, two of which are one in the image. */
const MAKE =
  'mkdir -p /src/d && echo 1 >/src/a && echo 2 >/src/b && echo 3 >/src/d/c && ln /src/a /src/d/hard';

const source = fc.constantFrom('/src', '/src/a', '/src/b', '/src/d', '/src/d/c', '/src/d/hard');
const target = fc.constantFrom('/t/x', '/t/y', '/t/z', '/src/e', '/u');
const from = fc.constantFrom('made', 'chained');
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('copy' as const), from, source, target }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('context' as const), target }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('link' as const), target }) },
);
const plan = fc.record({
  base: fc.constantFrom('base', 'made', 'chained'),
  chained: fc.array(step, { maxLength: 2 }),
  steps: fc.array(step, { minLength: 1, maxLength: 5 }),
});

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function instructions(steps: Step[], earlier: boolean): string[] {
  return steps.map((one, number) => {
    const place = `${one.target}/${number}/`;
    if (one.do === 'copy') return `COPY --from=${earlier ? 'made' : one.from} ${one.source} ${place}`;
    if (one.do === 'context') return `COPY ctx ${place}`;
    return `RUN mkdir -p ${place} && echo new >${place}n && ln ${place}n ${place}m`;
  });
}

/** `links number path` of every file, as a command sees them. */
const LOOK = `find /src /t /u -type f -exec stat -c 'seen %h %i %n' {} + 2>/dev/null; true`;

interface Seen {
  links: number;
  /** Paths that are the same file, with itself. */
  same: string[];
}

function seenBy(output: string): Map<string, Seen> {
  const lines = [...output.matchAll(/^seen (\d+) (\d+) \/(.*)$/gm)];
  return new Map(
    lines.map(([, links, inode, path]) => [
      path!,
      {
        links: Number(links),
        same: lines
          .filter((other) => other[2] === inode)
          .map((other) => other[3]!)
          .sort(),
      },
    ]),
  );
}

/** The same, as the layers of the image say it. */
async function saidBy(layers: string[]): Promise<Map<string, Seen>> {
  const { store } = builds;
  const indexed = layers.map((id) => ({ id, index: store.layers.index(id) }));
  const tree = new MergedTree(indexed);
  const files = [...below(tree, '')].filter(({ path, type }) => type === 'file' && /^(src|t|u)\//.test(path));
  const nameOf = (path: string) => {
    const { id, index } = indexed.findLast((layer) => layer.index.get(path) !== undefined)!;
    const names = [...index.entries()].filter(({ type }) => type === 'file' || type === 'hardlink');
    const first = index.get(path)!.link ?? path;
    return {
      file: `${id} ${first}`,
      links: names.filter((entry) => (entry.link ?? entry.path) === first).length,
    };
  };
  const names = files.map(({ path }) => ({ path, ...nameOf(path) }));
  return new Map(
    names.map(({ path, file, links }) => [
      path,
      {
        links,
        same: names
          .filter((other) => other.file === file)
          .map((other) => other.path)
          .sort(),
      },
    ]),
  );
}

describe.skipIf(why)('a file of the root of a command', () => {
  it('has as many names as the image says, however it came there', async () => {
    await fc.assert(
      fc.asyncProperty(plan, async ({ base, chained, steps }) => {
        const head = `FROM base AS made\nRUN ${MAKE}\nFROM made AS chained\n${instructions(chained, true).join('\n')}\n`;
        const built = await builds.build(
          `${head}FROM ${base}\n${instructions(steps, false).join('\n')}\nRUN ${LOOK}\n`,
          { noCache: true },
        );
        const titles = Object.keys(built.layers);
        const { layers } = builds.store;
        const ids = layers.ids().filter((id) => built.blobs.includes(layers.blob(id)?.blob.digest as never));
        const ordered = built.blobs.map(
          (digest) => ids.find((id) => layers.blob(id)!.blob.digest === digest)!,
        );
        expect(titles.length).toBeGreaterThan(0);
        expect(seenBy(built.output)).toEqual(await saidBy(ordered));
      }),
      { numRuns: RUNS },
    );
  });

  it('is not the same file as another copy of its source', async () => {
    const { output } = await builds.build(`FROM base AS made
RUN ${MAKE}
FROM base
COPY --from=made /src /one
COPY --from=made /src /two
RUN mv /one/a /two/a && cp -a /one /two /usr && echo changed >>/usr/two/b && cat /usr/one/b && stat -c %h /one/b /two/b
`);
    expect(output.trim().split('\n')).toEqual(['2', '1', '1']);
  });

  it('is not one with its source in a mounted stage', async () => {
    const { output } = await builds.build(`FROM base AS made
RUN ${MAKE}
FROM scratch AS copied
COPY --from=made /src/b /b
FROM base
COPY --from=made /src/b /b
RUN --mount=type=bind,from=copied,target=/m --mount=type=bind,from=copied,rw,target=/w echo more >>/w/b && stat -c %h /b /m/b && cat /b /m/b
RUN cat /b
`);
    expect(output.trim().split('\n')).toEqual(['1', '1', '2', '2', '2']);
  });
});
