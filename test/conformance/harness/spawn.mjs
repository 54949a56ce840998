import { spawn } from 'node:child_process';

/**
 * Runs a program to its end.
 *
 * @param {string[]} argv
 * @param {{ env?: Record<string, string>, input?: Buffer }} [options]
 * @returns {Promise<{ code: number | null, out: Buffer, err: string }>}
 */
export function run(argv, { env = {}, input } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(argv[0], argv.slice(1), { env: { ...process.env, ...env } });
    const out = [];
    let err = '';
    child.stdout.on('data', (chunk) => out.push(chunk));
    child.stderr.on('data', (chunk) => {
      err += chunk;
    });
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, out: Buffer.concat(out), err }));
  });
}

/** @returns {Promise<Buffer>} what it printed; a failure is an error */
export async function output(argv, options) {
  const { code, out, err } = await run(argv, options);
  if (code !== 0) throw new Error(`${argv.join(' ')}: exit ${code}\n${err}`);
  return out;
}

/** Does something for each item, some at a time. */
export async function eachOf(items, jobs, work) {
  const queue = [...items];
  const worker = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: jobs }, worker));
}
