const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGQUIT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const;
/** What a terminal sends to all processes of its foreground group by itself. */
const BY_TERMINAL: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT', 'SIGHUP'];
const PATIENCE = 3;

/**
 * Passes on the signals that this process gets, until the returned function is called.
 *
 * @param sharesTerminal the command is in the terminal's foreground group, too: it gets Ctrl-C anyway
 * @param giveUp called at the third request to end, by which time it is clear that the command does not listen
 */
export function forwardSignals(
  sharesTerminal: boolean,
  forward: (signal: NodeJS.Signals) => void,
  giveUp: () => void,
): () => void {
  let requests = 0;
  const listener = (signal: NodeJS.Signals) => {
    if (signal === 'SIGINT' || signal === 'SIGTERM') requests++;
    if (sharesTerminal && BY_TERMINAL.includes(signal)) return;
    if (requests >= PATIENCE) giveUp();
    else forward(signal);
  };
  for (const signal of FORWARDED) process.on(signal, listener);
  return () => {
    for (const signal of FORWARDED) process.off(signal, listener);
  };
}
