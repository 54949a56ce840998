import { expect, test } from 'vitest';
import { LoopbackWatch } from '../../../src/solve/loopback-watch.ts';

const hintFor = (texts: readonly string[], env: readonly string[] = []) => {
  const watch = new LoopbackWatch();
  for (const text of texts) watch.listen(text);
  return watch.hint(env);
};

test.each([
  ["wget: can't connect to remote host (127.0.0.1): Connection refused", '127.0.0.1'],
  ["curl: (7) Failed to connect to localhost port 8080 after 0 ms: Couldn't connect to server", 'localhost'],
  ['npm error FetchError: request to http://localhost:4873/left-pad failed: ECONNREFUSED', 'localhost'],
  ['Error: connect ECONNREFUSED ::1:4873', '::1'],
  ['dial tcp [::1]:5000: connect: connection refused', '::1'],
  ['E: Could not connect to 127.0.0.1:3142 (127.0.0.1). - connect (111: Connection refused)', '127.0.0.1'],
])('%s', (line, address) => {
  const text = `before\n${line}\nafter`;
  for (const at of [0, 10, text.length >> 1]) {
    expect(hintFor([text.slice(0, at), text.slice(at)])).toContain(
      `Nothing listens on ${address} in its network`,
    );
  }
  expect(hintFor([text])).toContain('--network host');
});

test.each([
  'connect to 192.0.2.7 port 80 failed: Connection refused',
  'listening on 127.0.0.1:80',
  'connect to fd00::1 failed: connection refused',
  'connect to 10.127.0.0.1.example refused',
  'connect to localhost.example refused',
  '127.0.0.1\nConnection refused',
])('says nothing of: %s', (text) => {
  expect(hintFor([text])).toBeUndefined();
});

test.each([
  'HTTP_PROXY=http://127.0.0.1:3128',
  'https_proxy=http://user:password@localhost:3128/',
  'ALL_PROXY=socks5://[::1]:1080',
  'http_proxy=localhost:3128',
])('a proxy on the loopback is named without its password: %s', (variable) => {
  const hint = hintFor(['failed'], ['A=b', variable]);
  expect(hint).toContain(`${variable.split('=')[0]} names `);
  expect(hint).not.toContain('password');
});

test.each([
  'HTTP_PROXY=http://192.0.2.1:3128',
  'NO_PROXY=127.0.0.1',
  'URL=http://localhost',
  'http_proxy=http://localhost.example:1',
])('says nothing of the variable %s', (variable) => {
  expect(hintFor(['failed'], [variable])).toBeUndefined();
});
