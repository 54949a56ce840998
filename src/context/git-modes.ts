import { below, type TreeEntry } from '../layer/tree.ts';
import type { Context } from './context.ts';

/**
 * The context with only those modes that git keeps: of directories none, of files whether the owner may execute
 * them. What the umask of whoever checked it out did to the rest makes no difference then.
 */
export function withGitModes(context: Context): Context {
  const originals = new WeakMap<TreeEntry, TreeEntry>();
  const plain = (entry: TreeEntry): TreeEntry => {
    if (entry.type !== 'file' && entry.type !== 'directory') return entry;
    const executable = entry.type === 'directory' || (entry.mode & 0o100) !== 0;
    const changed = { ...entry, mode: executable ? 0o755 : 0o644 };
    originals.set(changed, entry);
    return changed;
  };
  return {
    label: context.label,
    ignore: context.ignore,
    get(path) {
      const entry = context.get(path);
      return entry && plain(entry);
    },
    reserved: (path) => context.reserved?.(path),
    children: (path) => context.children(path),
    *below(path) {
      for (const entry of below(context, path)) yield plain(entry);
    },
    async hash(entries) {
      const all = [...entries];
      const found = all.map((entry) => originals.get(entry) ?? entry);
      await context.hash(found);
      for (const [i, entry] of all.entries()) {
        const { digest } = found[i]!;
        if (digest !== undefined) entry.digest = digest;
      }
    },
  };
}
