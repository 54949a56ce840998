import type { Reporter, TestModule } from 'vitest/node';

const NO_REASON = 'no reason given';

/**
 * Prints why tests were skipped, grouped and counted, and `N passed, N failed, N skipped` alone on the very
 * last line. A module that could not even be loaded and an error outside of all tests count as one failure
 * each: a run without a single test must never look like a good one.
 */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    let passed = 0;
    let failed = unhandledErrors.length;
    const skipped = new Map<string, number>();

    for (const module of modules) {
      failed += module.errors().length;
      for (const suite of module.children.allSuites()) failed += suite.errors().length;
      for (const test of module.children.allTests()) {
        const result = test.result();
        if (result.state === 'passed') passed++;
        else if (result.state === 'failed') failed++;
        else {
          const reason = (result.state === 'skipped' && result.note) || NO_REASON;
          skipped.set(reason, (skipped.get(reason) ?? 0) + 1);
        }
      }
    }

    process.stdout.write(summary(passed, failed, skipped));
  }
}

/** The lines of the summary; the reasons with most tests first. */
export function summary(passed: number, failed: number, skipped: ReadonlyMap<string, number>): string {
  const reasons = [...skipped].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  const total = reasons.reduce((sum, [, count]) => sum + count, 0);
  const lines: string[] = [];
  if (total > 0) {
    const width = String(reasons[0]![1]).length;
    lines.push(
      'Skipped:',
      ...reasons.map(([reason, count]) => `  ${String(count).padStart(width)} × ${reason}`),
      '',
    );
  }
  lines.push(`${passed} passed, ${failed} failed, ${total} skipped`);
  return `${lines.join('\n')}\n`;
}
