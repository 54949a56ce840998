import { EngineApi } from '../../export/engine-api.ts';
import type { Scheme } from '../link.ts';

/**
 * The BuildKit in a Docker engine: that of DOCKER_HOST, or `docker:///PATH` of a socket, or `docker://HOST:PORT`. The
 * engine switches one connection to gRPC at `/grpc`, and one at `/session`, on which it is the client.
 */
export const docker: Scheme = {
  example: 'docker://',
  parameters: [],
  link({ host, pathname }, { env, signal }) {
    const path = decodeURIComponent(pathname);
    const named = host !== '' ? `tcp://${host}` : path.length > 1 ? `unix://${path}` : undefined;
    const engine = () => EngineApi.find(named === undefined ? env : { ...env, DOCKER_HOST: named }, signal);
    return {
      kind: 'stream',
      open: async () => (await engine()).upgrade('/grpc', 'h2c'),
      openSession: async (metadata) => (await engine()).upgrade('/session', 'h2c', metadata),
    };
  },
};
