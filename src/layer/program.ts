import type { ChildProcessByStdio } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';

/**
 * Pipes content through a program, and yields its output. Always ends both.
 *
 * @param judge gets the exit code, or the error of starting the program; throws if that is a failure. An error of the
 * content itself takes precedence.
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
  // The program may end before it has read everything; `judge` decides by its exit code.
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
