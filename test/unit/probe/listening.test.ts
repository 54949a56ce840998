import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { listeningSockets, parseListening, reachablePorts } from '../../../src/probe/listening.ts';

const HEAD =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode';

describe('parseListening', () => {
  it('reads sockets that listen, of both protocols', () => {
    const text = `${HEAD}
   0: 0100007F:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   1: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2 1 0 100 0 0 10 0
   2: 0100007F:9C40 0100007F:0BB8 01 00000000:00000000 00:00000000 00000000     0        0 3 1 0 100 0 0 10 0
${HEAD}
   0: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 0 0 0
   1: 00000000000000000000000000000000:01BB 00000000000000000000000000000000:0000 0A 0 0 0
   2: 0000000000000000FFFF00000100007F:0051 00000000000000000000000000000000:0000 0A 0 0 0`;
    const found = parseListening(text);
    expect(found.map(({ address, port }) => `${address} ${port}`)).toEqual([
      '::1 80',
      '::ffff:127.0.0.1 81',
      ':: 443',
      '127.0.0.1 3000',
      '0.0.0.0 8080',
    ]);
    expect(reachablePorts(found)).toEqual([443, 8080]);
    expect(reachablePorts([...found, { address: '::', port: 8080 }])).toEqual([443, 8080]);
  });

  it('finds a socket of this process', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    expect(listeningSockets(process.pid)).toContainEqual({ address: '127.0.0.1', port });
    server.close();
  });
});
