import { randomBytes } from 'node:crypto';
import { JettisonError } from '../errors/error.ts';
import { type Digest, isDigest } from '../image/digest.ts';
import type { BuilderConnection } from './builder-connection.ts';
import { BuilderSession } from './builder-session.ts';
import type { solveRequest, statusResponse } from './protocol/control.ts';
import type { Decoded } from './protocol/message.ts';
import type { SessionService } from './session-service.ts';

export type SolveStatus = Decoded<typeof statusResponse>;

/** One solve of a Dockerfile at a builder. */
export interface RemoteSolve {
  /** For the builder's logs. */
  name: string;
  /** Equal for builds of the same context. */
  key: string;
  services: readonly SessionService[];
  /** Options of the frontend: `target`, `build-arg:NAME`, … */
  attributes: Record<string, string>;
  /** What RUN may do beyond the usual: `network.host`, `security.insecure`. */
  entitlements: readonly string[];
  onStatus(status: SolveStatus): void;
}

/** The frontend that is part of every builder: no image of another one is fetched. */
const FRONTEND = 'dockerfile.v0';
/** How long the rest of the progress may take after the result. */
const LAST_STATUS_MS = 2000;
const DIGEST_KEY = 'containerimage.digest';

/**
 * Solves a Dockerfile, and has the image sent to the session's content store.
 *
 * @param signal cancels the solve at the builder
 * @returns digest of the image's manifest, or of its index
 * @throws JettisonError `BUILDER_FAILED`, `BUILDER_UNREACHABLE`
 */
export async function solveRemotely(
  connection: BuilderConnection,
  { name, key, services, attributes, entitlements, onStatus }: RemoteSolve,
  signal: AbortSignal,
): Promise<Digest> {
  const session = await BuilderSession.open(connection, services, { name, key });
  const ended = new AbortController();
  const solving = AbortSignal.any([signal, ended.signal]);
  try {
    const ref = randomBytes(12).toString('hex');
    const request: Partial<Decoded<typeof solveRequest>> = {
      ...{ ref, session: session.id, frontend: FRONTEND, entitlements: [...entitlements] },
      frontendAttrs: attributes,
      exporter: 'oci',
      exporterAttrs: { tar: 'false', 'oci-mediatypes': 'true' },
    };
    const watching = (async () => {
      for await (const status of connection.status(ref, solving)) onStatus(status);
    })();
    watching.catch(() => {});
    // A builder that dies takes its session with it, perhaps before its solve says so.
    const { exporterResponse } = await Promise.race([connection.solve(request, solving), session.lost]);
    const timer = setTimeout(() => ended.abort(), LAST_STATUS_MS);
    await Promise.race([watching, session.lost]).catch(() => signal.throwIfAborted());
    clearTimeout(timer);
    const digest = exporterResponse[DIGEST_KEY] ?? '';
    if (isDigest(digest)) return digest;
    throw new JettisonError('BUILDER_FAILED', `the builder ${connection.address.text} returned no image`, {
      hint: '`jettison builder check` shows whether it can.',
    });
  } finally {
    ended.abort();
    session.close();
  }
}
