import { randomBytes } from 'node:crypto';
import type { Writable } from 'node:stream';
import { JettisonError } from '../errors/error.ts';
import type { Descriptor } from '../image/types.ts';
import type { ImageParts } from '../store/lookup.ts';
import type { Store } from '../store/store.ts';
import { startWorker } from '../worker/client.ts';
import { layerDirectories } from './layers.ts';
import { type ProcessOptions, runProcess } from './process.ts';
import { forwardSignals } from './signals.ts';

export interface RunOptions extends ProcessOptions {
  /** The command reads this process's standard input. */
  interactive: boolean;
  /** The command uses this process's terminal directly. */
  terminal: boolean;
  network: 'host' | 'none';
  /** Brings a layer's blob that the store lacks. */
  fetch: (blob: Descriptor) => Promise<void>;
}

/** Where the output goes when there is no terminal in play. */
export interface RunStreams {
  stdin: { isTTY?: boolean };
  stdout: Writable & { isTTY?: boolean };
  stderr: Writable;
}

/**
 * Runs an image in the foreground: its command on its files, every change thrown away. Signals that this
 * process gets go to the command.
 *
 * @returns the command's exit code; 126 and 127 when it cannot be executed or is missing
 * @throws JettisonError when it could not be run at all
 */
export async function runImage(
  store: Store,
  image: ImageParts,
  options: RunOptions,
  streams: RunStreams,
): Promise<number> {
  const { interactive, terminal } = options;
  if (terminal && !(streams.stdout.isTTY && (streams.stdin.isTTY || !interactive))) {
    throw new JettisonError('NOT_A_TERMINAL', '-t gives the command this terminal, and there is none', {
      hint: 'Leave -t out.',
    });
  }
  const hostname = randomBytes(6).toString('hex');
  const process = runProcess(image.config.config ?? {}, options, hostname, terminal);
  const worker = await startWorker({ home: store.layout.home, inherit: interactive || terminal });
  const giveUp = new AbortController();
  const sharesTerminal = terminal || (interactive && streams.stdin.isTTY === true);
  const stopForwarding = forwardSignals(
    sharesTerminal,
    (signal) => worker.kill(signal),
    () =>
      giveUp.abort(new JettisonError('INTERRUPTED', 'the command did not end when asked to, and was killed')),
  );
  try {
    const layers = await layerDirectories(store, image, worker, options.fetch);
    const { exitCode } = await worker.exec(
      {
        layers,
        process: { ...process, inheritStdin: interactive },
        mounts: [],
        network: options.network,
        hostname,
        stdio: terminal ? 'inherit' : 'stream',
      },
      {
        signal: giveUp.signal,
        onOutput: ({ stream, data }) => write(streams[stream], data),
      },
    );
    return exitCode;
  } finally {
    stopForwarding();
    await worker.close();
  }
}

/** Settles when the stream has taken the data, so that a slow reader slows the command down. */
function write(stream: Writable, data: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    stream.write(data, () => resolve());
  });
}
