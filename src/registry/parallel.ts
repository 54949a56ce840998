/** As many blobs are transferred at a time. */
export const TRANSFERS = 4;

/**
 * Runs something for each item, at most `limit` at a time. After a failure nothing new is started; what runs
 * is waited for, so that nothing goes on behind the caller's back.
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
