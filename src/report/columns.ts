import type { DescribedFile, ImageDescription } from '../inspect/describe.ts';
import type { OriginLink } from '../inspect/origins.ts';
import { KINDS } from '../inspect/package.ts';
import type { FileColumns, Origin, ReportData, ReportImage } from './report-data.ts';

/** An image for a report. */
export interface Reported {
  /** With files. */
  description: ImageDescription;
  /** By which instructions a file came in, by its path. */
  originsOf?: (path: string) => readonly OriginLink[];
}

/** The data of a report. @param version of Jettison */
export function reportData(images: readonly Reported[], version: string): ReportData {
  const contents = images.length > 1 ? new Map<string, number>() : undefined;
  return { version, images: images.map((image) => reportImage(image, contents)) };
}

function reportImage(
  { description: { files = [], ...rest }, originsOf }: Reported,
  contents: Map<string, number> | undefined,
): ReportImage {
  const packages = new Map(rest.packages.map(({ id }, at) => [id, at]));
  const origins = new Map<string, number>();
  const found = columns(files, packages, contents);
  found.origin = files.map(({ path }) => {
    const links = originsOf?.(path).map(({ path: _, ...link }): Origin => link) ?? [];
    return links.length === 0 ? -1 : numberOf(origins, JSON.stringify(links));
  });
  return { ...rest, files: found, origins: [...origins.keys()].map((text) => JSON.parse(text)) };
}

function columns(
  files: readonly DescribedFile[],
  packages: ReadonlyMap<string, number>,
  contents: Map<string, number> | undefined,
): FileColumns {
  const kinds = new Map(KINDS.map((kind, at) => [kind, at]));
  const directories = new Map<string, number>();
  const columns: FileColumns = {
    ...{ directories: [], directory: [], name: [], bytes: [], kind: [], layer: [], package: [], origin: [] },
    ...(contents && { content: [] }),
  };
  for (const file of files) {
    const slash = file.path.lastIndexOf('/');
    columns.directory.push(numberOf(directories, file.path.slice(0, Math.max(0, slash))));
    columns.name.push(file.path.slice(slash + 1));
    columns.bytes.push(file.bytes);
    columns.kind.push(kinds.get(file.kind)!);
    columns.layer.push(file.layer);
    columns.package.push((file.package === undefined ? undefined : packages.get(file.package)) ?? -1);
    if (contents) columns.content!.push(numberOf(contents, contentOf(file)));
  }
  columns.directories = [...directories.keys()];
  return columns;
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
