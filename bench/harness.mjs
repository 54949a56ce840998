// What the benchmarks share: running the built command as a user would, and summing up what was measured.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const CLI = fileURLToPath(new URL('../dist/cli.js', import.meta.url));

/** A folder of its own for a benchmark, with a store in it; deleted when the process ends. */
export function workspace() {
  const root = mkdtempSync(join(tmpdir(), 'jettison-bench-'));
  process.on('exit', () => rmSync(root, { recursive: true, force: true }));
  const env = { ...process.env, JETTISON_HOME: join(root, 'store') };
  return {
    root,
    env,
    /** Writes files by relative path. */
    write(files) {
      for (const [name, content] of Object.entries(files)) {
        mkdirSync(dirname(join(root, name)), { recursive: true });
        writeFileSync(join(root, name), content);
      }
    },
    /** Runs the command; throws what it said when it fails. */
    jettison(...args) {
      const result = spawnSync(process.execPath, [CLI, ...args], {
        env,
        encoding: 'utf8',
        maxBuffer: 1 << 28,
      });
      if (result.status !== 0) throw new Error(`jettison ${args.join(' ')}\n${result.stderr}`);
      return result;
    },
  };
}

/** Runs something some times, one untimed time before. @returns milliseconds, sorted */
export function measure(times, work) {
  work();
  return sorted(Array.from({ length: times }, (_, i) => timed(() => work(i))));
}

/** Milliseconds that something takes. */
export function timed(work) {
  const start = process.hrtime.bigint();
  work();
  return Number(process.hrtime.bigint() - start) / 1e6;
}

export function sorted(numbers) {
  return numbers.toSorted((a, b) => a - b);
}

export function median(sorted) {
  return sorted[Math.floor(sorted.length / 2)];
}

/** `name      12.3 ms  (least 11.0, most 20.1, 15 runs)`. */
export function line(name, sorted) {
  const show = (ms) => (ms < 10 ? ms.toFixed(2) : ms.toFixed(0));
  const range = `least ${show(sorted[0])}, most ${show(sorted.at(-1))}, ${sorted.length} runs`;
  return `${name.padEnd(56)} ${show(median(sorted)).padStart(7)} ms  (${range})`;
}

export function machineLine({ cpus, load, kernel, memory }) {
  const gib = Math.round(memory / 2 ** 30);
  return `Node ${process.versions.node}, ${cpus.length} × ${cpus[0].model}, ${gib} GiB, Linux ${kernel}, load ${load[0].toFixed(1)}`;
}
