import { decompress } from '../layer/decompress.ts';
import { TarReader } from '../layer/tar-read.ts';
import { ContentSearch, type FileSecret } from '../secrets/content-search.ts';

/**
 * Secrets in some files of a layer that a build has just packed.
 *
 * @param packed the bytes of its blob
 * @param paths as the tar has them: layers of builds have clean names
 */
export async function searchFiles(
  packed: AsyncIterable<Buffer>,
  paths: ReadonlySet<string>,
): Promise<(FileSecret & { path: string })[]> {
  const search = new ContentSearch();
  const found: (FileSecret & { path: string })[] = [];
  let path: string | undefined;
  const reader = new TarReader({
    entry({ name, size }) {
      path = paths.has(name) ? name : undefined;
      if (path !== undefined) search.begin(path, size);
    },
    data(chunk) {
      if (path !== undefined) search.write(chunk);
    },
    end() {
      if (path === undefined) return;
      for (const secret of search.end().secrets) found.push({ path, ...secret });
    },
  });
  for await (const chunk of decompress(packed)) reader.write(chunk);
  return found;
}
