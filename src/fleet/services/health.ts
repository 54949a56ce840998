import { integer, message, text } from '../protocol/message.ts';
import { type SessionService, unary } from '../session-service.ts';

const SERVING = 1;

const request = message({ service: text(1) });
const response = message({ status: integer(1) });

/** The builder asks every few seconds whether the session is alive. */
export const health: SessionService = {
  name: 'grpc.health.v1.Health',
  methods: { Check: unary(request, response, () => ({ status: SERVING })) },
};
