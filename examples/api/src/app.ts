import express, { type Express } from 'express';
import helmet from 'helmet';
import { NewOrder, Orders } from './orders.js';

/** The service without a port, so that tests can give it one. */
export function createApp(orders = new Orders()): Express {
  const app = express();
  app.use(helmet());
  app.use(express.json({ limit: '100kb' }));

  // For health checks: also tells whom the process runs as, which a container should not leave to root.
  app.get('/health', (_request, response) => {
    response.json({ status: 'ok', uid: process.getuid?.(), node: process.version });
  });

  app.get('/orders', (_request, response) => {
    response.json(orders.list());
  });

  app.get('/orders/:id', (request, response) => {
    const order = orders.get(Number(request.params.id));
    if (order === undefined) response.status(404).json({ error: 'there is no such order' });
    else response.json(order);
  });

  app.post('/orders', (request, response) => {
    const order = NewOrder.safeParse(request.body);
    if (order.success) response.status(201).json(orders.add(order.data));
    else response.status(400).json({ error: 'this is no order', issues: order.error.issues });
  });

  return app;
}
