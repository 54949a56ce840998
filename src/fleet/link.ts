import type { Duplex } from 'node:stream';
import { EXIT, JettisonError } from '../errors/error.ts';

/** How a builder is reached: what a scheme of addresses makes of an address. */
export type Link =
  /** gRPC finds the way by itself. */
  | { kind: 'socket'; target: string; tls?: Tls }
  /** Every connection is a stream of its own. */
  | {
      kind: 'stream';
      /** @param failed called with the reason when the stream breaks: its end alone does not say why */
      open(failed: (reason: unknown) => void): Promise<Duplex>;
      /** A separate connection for the session, if it does not go through the first one. */
      openSession?(metadata: Record<string, string | string[]>): Promise<Duplex>;
    };

/** Certificates in PEM. Without `ca`, those of the system are trusted. */
export interface Tls {
  ca: Buffer | undefined;
  cert: Buffer | undefined;
  key: Buffer | undefined;
  /** The name in the server's certificate, if it is not the address's. */
  serverName: string | undefined;
}

export interface LinkEnvironment {
  env: NodeJS.ProcessEnv;
  cwd: string;
  signal: AbortSignal;
}

/** One scheme of addresses: one file in `schemes/`, one line in `schemes.ts`. */
export interface Scheme {
  /** An address, for help and errors. */
  example: string;
  /** Query parameters that it understands, besides those of all addresses. */
  parameters: readonly string[];
  /** @throws JettisonError `BUILDER_INVALID` */
  link(address: URL, environment: LinkEnvironment): Link;
}

/** The error for an address of a builder that cannot be understood. */
export function invalidBuilder(message: string, hint: string): JettisonError {
  return new JettisonError('BUILDER_INVALID', message, { hint, exitCode: EXIT.usage });
}
