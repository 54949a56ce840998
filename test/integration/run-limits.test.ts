import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BuildOptions } from '../../src/build/build.ts';
import { TestBuilds } from '../support/build.ts';
import { marker, processesWith, whyNoSandbox } from '../support/sandbox.ts';

const why = whyNoSandbox();
let builds: TestBuilds;

beforeAll(async () => {
  if (why === undefined) builds = await TestBuilds.create({});
});
afterAll(() => builds?.remove());

describe.skipIf(why)('what a RUN gets and may use', () => {
  it('resource limits, the size of /dev/shm, and hosts', async () => {
    const text =
      'FROM base\nRUN ulimit -n; ulimit -Hn; ulimit -c; df -k /dev/shm | tail -1; grep me /etc/hosts\n';
    const options: Partial<BuildOptions> = {
      ulimits: [
        { name: 'nofile', soft: 321, hard: 654 },
        { name: 'core', soft: 0, hard: 0 },
      ],
      shmSize: 1 << 20,
      hosts: [['me.example', '10.1.2.3']],
    };
    const built = await builds.build(text, options);
    expect(built.output).toMatch(/^321\n654\n0\nshm +1024 .*\n10\.1\.2\.3\tme\.example\n$/);
    const step = Object.keys(built.outcomes).find((title) => title.startsWith('RUN'))!;
    // All of that is something that a command reads; how long it may take is not.
    const outcome = async (others: Partial<BuildOptions>) =>
      (await builds.build(text, { ...options, ...others })).outcomes[step];
    expect(await outcome({ timeout: 60_000 })).toBe('cached');
    expect(await outcome({ hosts: [['me.example', '10.9.9.9']] })).toBe('done');
    expect(await outcome({ shmSize: 2 << 20 })).toBe('done');
    expect(await outcome({ ulimits: [] })).toBe('done');
  });

  it('a step that exceeds --timeout is killed with all its processes, even if it ignores signals', async () => {
    const mark = marker();
    const run = `trap "" TERM INT HUP; (setsid sleep ${mark} &) ; while :; do sleep 1; done`;
    const failure = await builds.failure(`FROM base\nRUN ${run}\n`, { timeout: 700 });
    expect(failure).toMatchObject({ code: 'RUN_TIMEOUT', location: { line: 2 } });
    expect(failure.message).toContain('0.7 s');
    expect(processesWith(mark)).toEqual([]);
  });

  it('a step ends with its command, and background processes are killed', async () => {
    const mark = marker();
    await builds.build(`FROM base\nRUN setsid sleep ${mark} > /dev/null 2>&1 & sleep 0.1\n`);
    expect(processesWith(mark)).toEqual([]);
  });

  it('a fork bomb finds its limit, or at least its end', async () => {
    const bomb = 'b() { b | b & }; b; sleep 30';
    const warnings: string[] = [];
    const failure = await builds.failure(`FROM base\nRUN ${bomb}\n`, {
      limits: { pids: 40 },
      ulimits: [{ name: 'nproc', soft: 2000, hard: 2000 }],
      timeout: 1500,
      onEvent: (event) => {
        if (event.type === 'warning') warnings.push(event.code);
      },
    });
    expect(['RUN_TIMEOUT', 'RUN_FAILED']).toContain(failure.code);
    expect(['LimitUnavailable', 'NetworkShared']).toEqual(expect.arrayContaining(warnings));
  });

  it('endless output is cut, not kept', async () => {
    const built = await builds.build(
      'FROM base\nRUN yes 0123456789012345678 | head -c 40000000; echo the end\n',
    );
    expect(built.output.length).toBeLessThan(18_000_000);
    expect(built.output).toMatch(/bytes of output are left out here\]\n/);
    expect(built.output.endsWith('the end\n')).toBe(true);
  });
});

describe.skipIf(why)('RUN --network=host', () => {
  const text = 'FROM base\nRUN --network=host true\n';

  it('is refused unless it or the network of the machine is allowed for the build', async () => {
    for (const network of [undefined, 'none', 'default'] as const) {
      const failure = await builds.failure(text, network && { network });
      expect(failure).toMatchObject({ code: 'NOT_ALLOWED', exitCode: 1, location: { line: 2, column: 15 } });
      expect(failure.hint).toContain('--allow network.host');
    }
    builds.write({ Dockerfile: text });
    expect(await builds.run(['build', builds.context])).toMatchObject({ code: 1 });
    for (const flag of ['--allow=network.host', '--network=host', '--check'])
      expect(await builds.run(['build', flag, builds.context])).toMatchObject({ code: 0 });
  });

  it('is refused as a trigger of the base, too', async () => {
    await builds.build('FROM base\nONBUILD RUN --network=host true\n', { tags: ['triggered'] });
    const failure = await builds.failure('FROM triggered\n');
    expect(failure).toMatchObject({ code: 'NOT_ALLOWED' });
  });
});

describe.skipIf(why)('RUN --security=insecure', () => {
  const text = 'FROM base\nRUN --security=insecure grep CapEff /proc/self/status; test -w /proc/sys/kernel\n';

  it('is refused unless it is allowed', async () => {
    const failure = await builds.failure(text);
    expect(failure).toMatchObject({ code: 'NOT_ALLOWED', location: { line: 2 } });
    expect(failure.hint).toContain('--allow security.insecure');
  });

  it('has all capabilities, may mount, and leaves the sandboxed steps as they are', async () => {
    const mounts = 'mkdir -p /m && mount -t tmpfs none /m && umount /m && rmdir /m && echo mounted';
    const built = await builds.build(
      `FROM base\nRUN --security=insecure ${mounts}\nRUN mount -t tmpfs none /mnt || echo refused\n`,
      { allowInsecure: true },
    );
    expect(built.output).toContain('mounted\n');
    expect(built.output).toContain('refused\n');
    const { output } = await builds.build(text, { allowInsecure: true });
    expect(output).not.toContain('00000000a80405fb');
  });
});
