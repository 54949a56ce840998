import { JettisonError } from '../errors/error.ts';
import type { CommandNetwork, ExecRequest } from '../protocol/exec-request.ts';
import type { WorkerMode } from '../protocol/rung.ts';
import { networkHelper } from './network-helper.ts';

/** What a worker remembers about networks. */
export interface NetworkMemory {
  /** Set when a private network failed: the reason, in words. */
  noPrivateNetwork?: string;
}

/** The chosen network of a command. */
export interface SettledNetwork {
  network: CommandNetwork;
  /** See `StartedCommand`. */
  sharesNetwork?: string;
}

/** Chooses the network of a command. `default` is a private one, if this machine can make it. */
export function settleNetwork(
  ctx: NetworkMemory,
  { rung }: Pick<WorkerMode, 'rung'>,
  wanted: ExecRequest['network'],
): SettledNetwork {
  if (wanted !== 'default') return { network: wanted };
  const why = rung === 'chroot' ? 'it needs namespaces' : (ctx.noPrivateNetwork ?? whyNoHelper());
  return why === undefined ? { network: 'private' } : { network: 'host', sharesNetwork: why };
}

/**
 * Chooses again after a command could not be started. If a private network may be the reason, this worker uses the
 * machine's network for `default` from now on.
 *
 * @returns the network to try again with; undefined if another network does not help
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

/** Why this machine cannot make private networks, and what to do, in words; undefined if it can. */
function whyNoHelper(): string | undefined {
  const helper = networkHelper();
  return 'name' in helper ? undefined : `it needs ${helper.missing}. ${helper.hint}`;
}
