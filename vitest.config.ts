import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

const COMMON = {
  setupFiles: './test/support/setup.ts',
  // A test that looks at nothing is none.
  expect: { requireAssertions: true },
};

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
          testTimeout: 120_000,
          // Nothing here changes what other files see: all share what is loaded once.
          pool: 'threads',
          isolate: false,
          maxWorkers: availableParallelism(),
        },
      },
      {
        test: {
          name: 'integration',
          sequence: { groupOrder: 1 },
          include: ['test/integration/**/*.test.ts', 'test/security/**/*.test.ts'],
          ...COMMON,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: 'peers',
          sequence: { groupOrder: 2 },
          include: ['test/peers/**/*.test.ts'],
          ...COMMON,
          globalSetup: './test/support/peer-engine.ts',
          testTimeout: 300_000,
          hookTimeout: 300_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
