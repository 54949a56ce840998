import { join } from '../layer/entry.ts';
import type { Tree, TreeEntry } from '../layer/tree.ts';

/** A folder of small files that exist in memory only, such as a Dockerfile for a builder. */
export function fileTree(files: Record<string, string>, mode = 0o644): Tree {
  const names = Object.keys(files).sort();
  const get = (path: string): TreeEntry | undefined => {
    const common = { path, uid: 0, gid: 0, mtime: 0 };
    if (path === '') return { ...common, type: 'directory', mode: 0o755, size: 0 };
    const text = files[path];
    if (text === undefined || !names.includes(path)) return undefined;
    const data = Buffer.from(text);
    const source = { kind: 'inline', data: data.toString('base64') } as const;
    return { ...common, type: 'file', mode, size: data.length, source };
  };
  return {
    get,
    children: (path) => (path === '' ? names.map((name) => join('', name)) : []),
  };
}
