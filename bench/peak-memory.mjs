// The peak memory of a program and of its children, as the kernel counts it.
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

const SAMPLE_MS = 20;

/**
 * Runs a program to its end.
 *
 * @returns seconds, and the most megabytes (10⁶ bytes) that it and each of its children took; of the children the largest
 * @throws Error with what it said, when it fails
 */
export function peakMemory(program, args, env = process.env) {
  const child = spawn(program, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    errors += text;
  });
  const most = { own: 0, child: 0 };
  const started = Date.now();
  const timer = setInterval(() => {
    most.own = Math.max(most.own, peakOf(child.pid));
    for (const pid of childrenOf(child.pid)) most.child = Math.max(most.child, peakOf(pid));
  }, SAMPLE_MS);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      clearInterval(timer);
      if (code !== 0) reject(new Error(`${program} ${args.join(' ')}\n${errors}`));
      resolve({ ...most, seconds: (Date.now() - started) / 1000 });
    });
  });
}

/** Megabytes of a process at its largest; 0 when it has ended. */
function peakOf(pid) {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Math.round((Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? 0) * 1024) / 1e6);
  } catch {
    return 0;
  }
}

function childrenOf(pid) {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
    );
  } catch {
    return [];
  }
}
