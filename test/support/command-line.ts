import { PassThrough } from 'node:stream';
import type { Io } from '../../src/cli/command.ts';
import { dispatch } from '../../src/cli/dispatch.ts';
import type { Ended } from './build.ts';

export interface CommandLineOptions {
  env: NodeJS.ProcessEnv;
  cwd: string;
  stdin?: string;
  /** Interrupts a command that goes on until then. */
  signal?: AbortSignal;
}

/**
 * Runs a command line in this process, which spares the start of one. For what a process of its own shows
 * (signals, standard streams that close, what it loads, other users), start the command. The working directory is
 * this process's for that time: only calls with the same one may overlap.
 */
export async function runCommandLine(
  args: readonly string[],
  { env, cwd, stdin = '', signal = new AbortController().signal }: CommandLineOptions,
): Promise<Ended> {
  const text = { out: '', err: '' };
  const collect = (name: 'out' | 'err') => {
    const stream = new PassThrough();
    stream.setEncoding('utf8').on('data', (data) => {
      text[name] += data;
    });
    return stream;
  };
  const [stdout, stderr] = [collect('out'), collect('err')];
  const input = new PassThrough();
  input.end(stdin);
  const io = { stdin: input as unknown as NodeJS.ReadStream, stdout, stderr, env, cwd };
  const before = process.cwd();
  process.chdir(cwd);
  const code = await dispatch(args, { ...io, signal } satisfies Io).finally(() => process.chdir(before));
  await Promise.all(
    [stdout, stderr].map((stream) => new Promise<unknown>((resolve) => stream.end().once('end', resolve))),
  );
  return { code, signal: null, ...text };
}
