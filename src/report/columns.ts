import type { DescribedFile, ImageDescription } from '../inspect/describe.ts';
import type { OriginLink } from '../inspect/origins.ts';
import { KINDS } from '../inspect/package.ts';
import { VERSION } from '../version.ts';
import type { Origin, WrittenColumns, WrittenReport } from './report-data.ts';

/** An image for a report. */
export interface Reported {
  description: ImageDescription;
  /** All of the final tree, in canonical order, as often as they are asked for. */
  files: Iterable<DescribedFile>;
  /** The file of a path. */
  fileAt: (path: string) => DescribedFile | undefined;
  /** By which instructions a file came in, by its path. */
  originsOf?: (path: string) => readonly OriginLink[];
}

/** The data of a report. */
export function reportData(images: readonly Reported[]): WrittenReport {
  return { version: VERSION, images: images.map((_, at) => reportImage(images, at)) };
}

function reportImage(images: readonly Reported[], at: number): WrittenReport['images'][number] {
  const { description, files, originsOf } = images[at]!;
  const { files: _, ...rest } = description;
  const packages = new Map(rest.packages.map(({ id }, position) => [id, position]));
  const kinds = new Map(KINDS.map((kind, position) => [kind, position]));
  const origins = new Map<string, number>();
  const column = <T>(of: (file: DescribedFile) => T) => ({
    *[Symbol.iterator]() {
      for (const file of files) yield of(file);
    },
  });
  const directories = new Map<string, number>();
  for (const { path } of files) numberOf(directories, directoryOf(path));
  const columns: WrittenColumns = {
    directories: [...directories.keys()],
    directory: column(({ path }) => directories.get(directoryOf(path))!),
    name: column(({ path }) => path.slice(path.lastIndexOf('/') + 1)),
    bytes: column(({ bytes }) => bytes),
    kind: column(({ kind }) => kinds.get(kind)!),
    layer: column(({ layer }) => layer),
    package: column((file) => (file.package === undefined ? undefined : packages.get(file.package)) ?? -1),
    // Not made while it is written: it is known only then which origins there are.
    origin: [...column(({ path }) => originOf(path))],
    ...(images.length > 1 && { content: column((file) => firstWith(file)) }),
  };
  function originOf(path: string): number {
    const links = originsOf?.(path).map(({ path: __, ...link }): Origin => link) ?? [];
    return links.length === 0 ? -1 : numberOf(origins, JSON.stringify(links));
  }
  function firstWith(file: DescribedFile): number {
    const content = contentOf(file);
    return images.findIndex(({ fileAt }, other) => {
      const there = other === at ? file : fileAt(file.path);
      return there !== undefined && contentOf(there) === content;
    });
  }
  return { ...rest, files: columns, origins: [...origins.keys()].map((text) => JSON.parse(text)) };
}

function directoryOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

function contentOf({ digest, link, bytes }: DescribedFile): string {
  return digest ?? (link === undefined ? `${bytes}` : `-> ${link}`);
}

function numberOf(numbers: Map<string, number>, text: string): number {
  const known = numbers.get(text);
  if (known !== undefined) return known;
  numbers.set(text, numbers.size);
  return numbers.size - 1;
}
