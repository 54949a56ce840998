import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Duplex, PassThrough } from 'node:stream';
import { JettisonError } from '../errors/error.ts';
import { visible } from '../errors/safe-text.ts';
import { invalidBuilder, type Link, type LinkEnvironment } from './link.ts';

const MOST_STDERR = 4096;

/** A link over standard input and output of a program, which runs `buildctl dial-stdio` elsewhere. */
export function dialStdio(command: string[], address: URL, { env, cwd, signal }: LinkEnvironment): Link {
  const [program = '', ...args] = command;
  const open = async (failed: (reason: unknown) => void) => {
    const child = spawn(program, args, { env, cwd, signal, stdio: ['pipe', 'pipe', 'pipe'] });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-MOST_STDERR);
    });
    // The output ends when the program has ended, so that its reason is known by then.
    const output = child.stdout.pipe(new PassThrough(), { end: false });
    child.on('error', () => {});
    child.stdin.on('error', () => {});
    child.on('close', (code) => {
      failed(failure(program, address, said.trim() || `it ended with exit code ${code}`));
      output.end();
    });
    try {
      await once(child, 'spawn');
    } catch (error) {
      signal.throwIfAborted();
      throw failure(program, address, (error as Error).message);
    }
    const stream = Duplex.from({ readable: output, writable: child.stdin }) as Duplex;
    stream.on('close', () => child.kill());
    return stream;
  };
  return { kind: 'stream', open };
}

/** A part of an address as an argument. @throws JettisonError `BUILDER_INVALID` for one that is missing or an option */
export function programArgument(text: string, address: URL): string {
  if (text !== '' && !text.startsWith('-')) return text;
  throw invalidBuilder(
    `invalid name "${text}" in the builder "${address.href}"`,
    'A name cannot start with "-".',
  );
}

function failure(program: string, address: URL, reason: string): JettisonError {
  return new JettisonError(
    'BUILDER_UNREACHABLE',
    `${program} cannot reach the builder ${address.href}: ${visible(reason)}`,
    {
      hint: `Check that \`${program}\` is installed, and that \`buildctl\` is there where the builder is.`,
    },
  );
}
