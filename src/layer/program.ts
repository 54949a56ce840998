import type { ChildProcessByStdio } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';

/**
 * Feeds content to a program and gives what it prints. Neither is left running, whatever happens.
 *
 * @param judge gets the exit code, or why the program could not be started, and throws when that is a failure;
 * a failure of the content itself comes first
 */
export async function* pipeThrough(
  child: ChildProcessByStdio<Writable, Readable, Readable | null>,
  source: Readable,
  judge: (result: number | NodeJS.ErrnoException) => void,
): AsyncGenerator<Buffer> {
  const ended = new Promise<number | NodeJS.ErrnoException>((resolve) => {
    child.on('error', resolve);
    child.on('close', (code) => resolve(code ?? 1));
  });
  let failure: unknown;
  source.on('error', (error) => {
    failure = error;
    child.kill();
  });
  // The program may end before it has read everything; its exit code says whether that is a failure.
  child.stdin.on('error', () => source.destroy());
  source.pipe(child.stdin);
  try {
    for await (const chunk of child.stdout) yield chunk as Buffer;
    const result = await ended;
    if (failure !== undefined) throw failure;
    judge(result);
  } finally {
    source.destroy();
    child.kill();
  }
}
