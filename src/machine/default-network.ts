import { JettisonError } from '../errors/error.ts';
import type { CommandNetwork, ExecRequest } from '../protocol/exec-request.ts';
import type { WorkerMode } from '../protocol/rung.ts';
import { networkHelper } from './network-helper.ts';

/** Facts about networks that a worker has found out. */
export interface NetworkMemory {
  /** Why no command can have a private network, once one could not: for people. */
  noPrivateNetwork?: string;
}

/** The network of one command, decided. */
export interface SettledNetwork {
  network: CommandNetwork;
  /** See `StartedCommand`. */
  sharesNetwork?: string;
}

/** The network of a command; of one that may have any the safest that is possible here, as far as is known. */
export function settleNetwork(
  ctx: NetworkMemory,
  { rung }: Pick<WorkerMode, 'rung'>,
  wanted: ExecRequest['network'],
): SettledNetwork {
  if (wanted !== 'default') return { network: wanted };
  const why = rung === 'chroot' ? 'it takes namespaces' : (ctx.noPrivateNetwork ?? whyNoHelper());
  return why === undefined ? { network: 'private' } : { network: 'host', sharesNetwork: why };
}

/**
 * What to do after a command could not be started: if that may be the private network's fault, no further command that
 * may have any gets one from this worker.
 *
 * @returns the network to try again with; undefined when that makes no difference
 */
export function settleAgain(
  ctx: NetworkMemory,
  wanted: ExecRequest['network'],
  { network }: SettledNetwork,
  error: unknown,
): SettledNetwork | undefined {
  if (wanted !== 'default' || network !== 'private' || !(error instanceof JettisonError)) return undefined;
  if (error.code !== 'RUN_NETWORK' && error.code !== 'RUN_SETUP') return undefined;
  const why = error.message.split(/\s*\n\s*/).join(' ');
  ctx.noPrivateNetwork = why;
  return { network: 'host', sharesNetwork: why };
}

/** The warning for the user. @param why see `StartedCommand.sharesNetwork` */
export function sharedNetworkNote(why: string): string {
  return `RUN uses this machine's network, not one of its own: ${why}`;
}

/** Why this machine has no private networks, and what changes that, in a few words; undefined if it has. */
function whyNoHelper(): string | undefined {
  const helper = networkHelper();
  return 'name' in helper ? undefined : `it takes ${helper.missing}. ${helper.hint}`;
}
