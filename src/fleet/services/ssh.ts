import { once } from 'node:events';
import { connect } from 'node:net';
import { bytesMessage } from '../protocol/control.ts';
import { message, text } from '../protocol/message.ts';
import { notFound } from '../refusal.ts';
import { bidiStream, messagesOf, type SessionService, send, unary } from '../session-service.ts';

const checkRequest = message({ id: text(1) });
const checkResponse = message({});

const DEFAULT = 'default';

/** SSH agents of this machine. @param agents paths of their sockets, by id */
export function sshService(agents: ReadonlyMap<string, string>): SessionService {
  const socketOf = (id: string) => {
    const path = agents.get(id || DEFAULT);
    if (path === undefined) throw notFound(`SSH agent "${id || DEFAULT}"`);
    return path;
  };
  return {
    name: 'moby.sshforward.v1.SSH',
    methods: {
      CheckAgent: unary(checkRequest, checkResponse, ({ id }) => {
        socketOf(id);
        return {};
      }),
      ForwardAgent: bidiStream(bytesMessage, bytesMessage, async (call) => {
        const [id = ''] = call.metadata.get('buildkit.ssh.id');
        const agent = connect(socketOf(String(id)));
        call.on('cancelled', () => agent.destroy());
        const toAgent = (async () => {
          for await (const { data } of messagesOf(call)) {
            if (!agent.write(data)) await once(agent, 'drain');
          }
          agent.end();
        })();
        toAgent.catch(() => agent.destroy());
        for await (const data of agent as AsyncIterable<Buffer>) await send(call, { data });
        await toAgent;
      }),
    },
  };
}
