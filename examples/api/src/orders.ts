import { z } from 'zod';

export const NewOrder = z.object({
  customer: z.string().min(1).max(100),
  items: z
    .array(
      z.object({
        product: z.string().min(1),
        quantity: z.number().int().positive(),
        cents: z.number().int(),
      }),
    )
    .min(1),
});

export type Order = z.infer<typeof NewOrder> & { id: number; totalCents: number };

/** Orders in memory: what the service does matters less here than how it gets into an image. */
export class Orders {
  readonly #orders = new Map<number, Order>();

  add(order: z.infer<typeof NewOrder>): Order {
    const totalCents = order.items.reduce((sum, { quantity, cents }) => sum + quantity * cents, 0);
    const added = { ...order, id: this.#orders.size + 1, totalCents };
    this.#orders.set(added.id, added);
    return added;
  }

  get(id: number): Order | undefined {
    return this.#orders.get(id);
  }

  list(): Order[] {
    return [...this.#orders.values()];
  }
}
