import { accessSync, constants, readdirSync, readFileSync, statfsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

const COMMON = {
  setupFiles: './test/support/setup.ts',
  // A test that looks at nothing is none.
  expect: { requireAssertions: true },
};
/** Of files that change nothing that others see: all that run in one worker share what is loaded. */
const SHARED = { isolate: false, env: folderInMemory() };
const CORES = availableParallelism();

export default defineConfig({
  test: {
    // The last line says what was skipped and why; see test/support/reporter.ts.
    reporters: ['default', './test/support/reporter.ts'],
    projects: [
      {
        test: {
          name: 'unit',
          sequence: { groupOrder: 0 },
          include: ['test/unit/**/*.test.ts'],
          ...COMMON,
          ...SHARED,
          testTimeout: 120_000,
          pool: 'threads',
          maxWorkers: CORES,
        },
      },
      {
        test: {
          name: 'integration',
          sequence: { groupOrder: 1 },
          include: ['test/integration/**/*.test.ts', 'test/security/**/*.test.ts'],
          ...COMMON,
          ...SHARED,
          // Beside busy neighbours everything takes many times as long.
          testTimeout: 600_000,
          hookTimeout: 600_000,
          // What is tested waits now and then.
          maxWorkers: CORES + 1,
        },
      },
      {
        test: {
          name: 'thorough',
          sequence: { groupOrder: 2 },
          include: thoroughTests(),
          ...COMMON,
          ...SHARED,
          env: { ...SHARED.env, JETTISON_THOROUGH: '1' },
          testTimeout: 600_000,
          hookTimeout: 600_000,
          maxWorkers: CORES + 1,
        },
      },
      {
        test: {
          name: 'pages',
          sequence: { groupOrder: 3 },
          include: ['test/pages/**/*.test.ts'],
          ...COMMON,
          ...SHARED,
          testTimeout: 600_000,
          hookTimeout: 600_000,
        },
      },
      {
        test: {
          name: 'peers',
          sequence: { groupOrder: 4 },
          include: ['test/peers/**/*.test.ts'],
          globalSetup: './test/support/peer-engine.ts',
          ...COMMON,
          testTimeout: 600_000,
          hookTimeout: 600_000,
          fileParallelism: false,
        },
      },
    ],
  },
});

/**
 * TMPDIR for tests, unless it is set: /dev/shm, which spares the disk thousands of small files, where there is
 * room, programs may be run from it, and its files can have attributes of users (as they can since Linux 6.6).
 */
function folderInMemory(): Record<string, string> {
  const memory = '/dev/shm';
  if (process.platform !== 'linux' || process.env['TMPDIR'] !== undefined) return {};
  try {
    accessSync(memory, constants.W_OK);
    const { bavail, bsize } = statfsSync(memory);
    const mount = readFileSync('/proc/self/mounts', 'utf8').match(/^\S+ \/dev\/shm tmpfs (\S+)/m);
    const [major = 0, minor = 0] = readFileSync('/proc/sys/kernel/osrelease', 'utf8').split('.').map(Number);
    const fits = bavail * bsize >= 4 * 2 ** 30 && major * 1000 + minor >= 6006;
    return mount !== null && !mount[1]!.includes('noexec') && fits ? { TMPDIR: memory } : {};
  } catch {
    return {};
  }
}

/** Files of tests of which `npm test` takes a sample: those that use test/support/thorough.ts. */
function thoroughTests(): string[] {
  const files = ['test/integration', 'test/security'].flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => `${folder}/${name}`),
  );
  return files.filter(
    (file) => file.endsWith('.test.ts') && readFileSync(file, 'utf8').includes('/support/thorough.ts'),
  );
}
