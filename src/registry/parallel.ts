/** Number of blobs transferred at a time. */
export const TRANSFERS = 4;

/**
 * Runs a function for each item, at most `limit` at a time. After a failure starts no more, and waits for those that are
 * running.
 *
 * @throws the first failure
 */
export async function parallel<T>(
  items: Iterable<T>,
  limit: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items[Symbol.iterator]();
  const failures: unknown[] = [];
  const worker = async () => {
    for (let next = queue.next(); !next.done && failures.length === 0; next = queue.next()) {
      await work(next.value).catch((error) => failures.push(error));
    }
  };
  await Promise.all(Array.from({ length: limit }, worker));
  if (failures.length > 0) throw failures[0];
}
