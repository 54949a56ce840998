/** Two lists side by side: what stands in both, in the same order, and what stands in one only. */
export type Aligned<T> = { now: T; was: T } | { now: T; was?: never } | { now?: never; was: T };

/**
 * Aligns two lists by their longest common subsequence. What is in one list only is paired with what is in the other
 * only at the same place, as far as `replaces` says that the one can stand for the other.
 */
export function align<T>(
  now: readonly T[],
  was: readonly T[],
  isSame: (a: T, b: T) => boolean,
  replaces: (a: T, b: T) => boolean,
): Aligned<T>[] {
  // lengths[i][j]: of the longest common subsequence of now[i…] and was[j…].
  const lengths = Array.from({ length: now.length + 1 }, () => new Uint32Array(was.length + 1));
  for (let i = now.length - 1; i >= 0; i--) {
    for (let j = was.length - 1; j >= 0; j--) {
      lengths[i]![j] = isSame(now[i]!, was[j]!)
        ? lengths[i + 1]![j + 1]! + 1
        : Math.max(lengths[i + 1]![j]!, lengths[i]![j + 1]!);
    }
  }
  const aligned: Aligned<T>[] = [];
  const gap: { now: T[]; was: T[] } = { now: [], was: [] };
  const close = () => {
    for (const one of gap.now.splice(0)) {
      const at = gap.was.findIndex((other) => replaces(one, other));
      aligned.push(at < 0 ? { now: one } : { now: one, was: gap.was.splice(at, 1)[0]! });
    }
    for (const other of gap.was.splice(0)) aligned.push({ was: other });
  };
  let [i, j] = [0, 0];
  while (i < now.length || j < was.length) {
    if (i < now.length && j < was.length && isSame(now[i]!, was[j]!)) {
      close();
      aligned.push({ now: now[i++]!, was: was[j++]! });
    } else if (j >= was.length || (i < now.length && lengths[i + 1]![j]! >= lengths[i]![j + 1]!)) {
      gap.now.push(now[i++]!);
    } else {
      gap.was.push(was[j++]!);
    }
  }
  close();
  return aligned;
}
