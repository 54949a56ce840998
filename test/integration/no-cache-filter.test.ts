import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { TestBuilds } from '../support/build.ts';

describe('--no-cache-filter', () => {
  let builds: TestBuilds;
  beforeEach(async () => {
    builds = await TestBuilds.create({}, { network: 'host' });
    builds.write({ file: 'x' });
  });
  afterEach(() => builds.remove());

  const text = [
    'FROM base AS one',
    'COPY file /one',
    'FROM base AS two',
    'COPY file /two',
    'FROM base',
    'COPY --from=one /one /a',
    'COPY --from=two /two /b',
  ].join('\n');

  test('has the named stages made anew, and only those', async () => {
    const first = await builds.build(text);
    const { outcomes, digest } = await builds.build(text, { noCacheFilter: ['ONE'] });
    expect(outcomes).toMatchObject({
      'COPY file /one': 'done',
      'COPY file /two': 'cached',
    });
    expect(digest).toBe(first.digest);
    const again = await builds.build(text);
    expect(again.outcomes['COPY file /one']).toBe('cached');
  });

  test('copies the present files of such a stage, not those of an earlier build', async () => {
    const [from, ...rest] = [
      'FROM base AS deps',
      'RUN cat /proc/sys/kernel/random/uuid > /id',
      'FROM base',
      'COPY --from=deps /id /id',
    ];
    const dockerfile = [from, ...rest].join('\n');
    const digests = new Set<string>();
    for (const noCacheFilter of [[], ['deps'], []])
      digests.add((await builds.build(dockerfile, { noCacheFilter })).digest);
    // The third build finds what the second one made.
    expect(digests.size).toBe(2);
  });

  test('says which of the named stages there are not', async () => {
    const { events } = await builds.build(text, { noCacheFilter: ['twoo', 'one', 'zzz'] });
    const warnings = events.filter((event) => event.type === 'warning');
    expect(warnings).toMatchObject([
      { code: 'STAGE_UNKNOWN', hint: 'Did you mean "two"?' },
      { code: 'STAGE_UNKNOWN', hint: 'Its stages are: one, two.' },
    ]);
  });

  test('leaves no image with two results of one stage', async () => {
    const random = 'RUN cat /proc/sys/kernel/random/uuid >';
    const stages = [`FROM base AS s\n${random} /x`, 'FROM base AS t\nCOPY --from=s /x /y\nRUN cat /y > /z'];
    const target = 'FROM s AS u\nCOPY --from=t /y /z /out/';
    const dockerfile = [...stages, target].join('\n');
    await builds.build(dockerfile);
    await builds.build(dockerfile, { target: 's', noCache: true });
    // Of what is known, nothing fits any more but the stage itself.
    const after = await builds.build(dockerfile);
    expect(after.outcomes).toMatchObject({ [`${random} /x`]: 'cached', 'RUN cat /y > /z': 'done' });
    const contents = (title: string) => {
      const entries = [...builds.store.layers.index(after.layers[title]!).entries()];
      return entries.filter(({ type }) => type === 'file').map(({ digest }) => digest);
    };
    const files = [...contents(`${random} /x`), ...contents('COPY --from=t /y /z /out/')];
    expect(files).toHaveLength(3);
    expect(new Set(files).size).toBe(1);
    expect((await builds.build(dockerfile)).outcomes['COPY --from=t /y /z /out/']).toBe('cached');
    // One that is asked for alone is made of what its records say, too.
    await builds.build(dockerfile, { target: 's', noCache: true });
    expect((await builds.build(dockerfile, { target: 't' })).outcomes['RUN cat /y > /z']).toBe('done');
  });

  test('an option of the library that does not exist is refused', async () => {
    const wrong = { noCacheFliter: ['deps'] } as object;
    expect(await builds.failure(text, wrong)).toMatchObject({
      code: 'OPTION_UNKNOWN',
      hint: 'Did you mean "noCacheFilter"?',
    });
  });
});
