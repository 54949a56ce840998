import assert from 'node:assert/strict';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { createApp } from '../src/app.js';

let server: Server;
let url: string;

before(async () => {
  server = createApp().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(() => server.close());

const post = (body: unknown) =>
  fetch(`${url}/orders`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

test('says that it is well', async () => {
  const response = await fetch(`${url}/health`);
  assert.equal(response.status, 200);
  assert.equal(((await response.json()) as { status: string }).status, 'ok');
});

test('takes an order and finds it again', async () => {
  const response = await post({ customer: 'Ada', items: [{ product: 'tea', quantity: 2, cents: 350 }] });
  assert.equal(response.status, 201);
  const { id, totalCents } = (await response.json()) as { id: number; totalCents: number };
  assert.equal(totalCents, 700);
  assert.equal((await fetch(`${url}/orders/${id}`)).status, 200);
});

test('refuses what is no order', async () => {
  assert.equal((await post({ customer: '', items: [] })).status, 400);
  assert.equal((await fetch(`${url}/orders/404`)).status, 404);
});
