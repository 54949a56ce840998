import { bytes, message, text } from '../protocol/message.ts';
import { notFound } from '../refusal.ts';
import { type SessionService, unary } from '../session-service.ts';

const request = message({ id: text(1) });
const response = message({ data: bytes(1) });

/** The secrets of the build: the only way on which their content leaves this process. */
export function secretsService(secrets: ReadonlyMap<string, Uint8Array>): SessionService {
  return {
    name: 'moby.buildkit.secrets.v1.Secrets',
    methods: {
      GetSecret: unary(request, response, ({ id }) => {
        const data = secrets.get(id);
        if (data === undefined) throw notFound(`secret "${id}"`);
        return { data };
      }),
    },
  };
}
