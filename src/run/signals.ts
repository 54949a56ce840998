import { constants } from 'node:os';
import { JettisonError } from '../errors/error.ts';

const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGQUIT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const;
const PATIENCE = 3;
/** SIGRTMIN and SIGRTMAX of glibc, which reserves the kernel's first two. */
const REAL_TIME = { first: 34, last: 64 };

/**
 * Forwards this process's signals, until the returned function is called.
 *
 * @param giveUp called at the third request to end: the command ignores them
 */
export function forwardSignals(forward: (signal: NodeJS.Signals) => void, giveUp: () => void): () => void {
  let requests = 0;
  const listener = (signal: NodeJS.Signals) => {
    if (signal === 'SIGINT' || signal === 'SIGTERM') requests++;
    if (requests >= PATIENCE) giveUp();
    else forward(signal);
  };
  for (const signal of FORWARDED) process.on(signal, listener);
  return () => {
    for (const signal of FORWARDED) process.off(signal, listener);
  };
}

/**
 * The number of a signal, written as in STOPSIGNAL or `--signal`: `SIGTERM`, `term`, `15`, `RTMIN+3`.
 *
 * @throws JettisonError `SIGNAL_UNKNOWN`
 */
export function signalNumber(text: string): number {
  const name = text.toUpperCase().replace(/^SIG/, '');
  const realTime = /^RT(MIN|MAX)(?:([+-])(\d+))?$/.exec(name);
  const number = /^\d+$/.test(name)
    ? Number(name)
    : realTime !== null
      ? (realTime[1] === 'MIN' ? REAL_TIME.first : REAL_TIME.last) +
        (realTime[2] === '-' ? -1 : 1) * Number(realTime[3] ?? 0)
      : constants.signals[`SIG${name}` as NodeJS.Signals];
  if (number === undefined || number < 1 || number > REAL_TIME.last) {
    throw new JettisonError('SIGNAL_UNKNOWN', `unknown signal "${text}"`, {
      hint: 'Write a name such as TERM, HUP or USR1, or a number.',
    });
  }
  return number;
}
