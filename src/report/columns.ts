import type { DescribedFile, ImageDescription } from '../inspect/describe.ts';
import type { OriginLink } from '../inspect/origins.ts';
import { KINDS } from '../inspect/package.ts';
import { collectGarbage } from '../inspect/heap.ts';
import type { FileColumns, Origin, ReportData, ReportImage } from './report-data.ts';

/** Files after which the garbage is collected: without it a large image takes 40 MB more. */
const COLLECTED = 50_000;

/** An image for a report. */
export interface Reported {
  description: ImageDescription;
  /** All of the final tree, in canonical order. */
  files: Iterable<DescribedFile>;
  /** By which instructions a file came in, by its path. */
  originsOf?: (path: string) => readonly OriginLink[];
}

/** The data of a report. @param version of Jettison */
export function reportData(images: readonly Reported[], version: string): ReportData {
  const contents = images.length > 1 ? new Map<string, number>() : undefined;
  return { version, images: images.map((image) => reportImage(image, contents)) };
}

function reportImage(
  { description: { files: _, ...rest }, files, originsOf }: Reported,
  contents: Map<string, number> | undefined,
): ReportImage {
  const packages = new Map(rest.packages.map(({ id }, at) => [id, at]));
  const origins = new Map<string, number>();
  const originOf = (path: string) => {
    const links = originsOf?.(path).map(({ path: _, ...link }): Origin => link) ?? [];
    return links.length === 0 ? -1 : numberOf(origins, JSON.stringify(links));
  };
  const found = columns(files, { packages, contents, originOf });
  return { ...rest, files: found, origins: [...origins.keys()].map((text) => JSON.parse(text)) };
}

function columns(
  files: Iterable<DescribedFile>,
  numbers: {
    packages: ReadonlyMap<string, number>;
    contents: Map<string, number> | undefined;
    originOf: (path: string) => number;
  },
): FileColumns {
  const { packages, contents, originOf } = numbers;
  const kinds = new Map(KINDS.map((kind, at) => [kind, at]));
  const directories = new Map<string, number>();
  const columns: FileColumns = {
    ...{ directories: [], directory: [], name: [], bytes: [], kind: [], layer: [], package: [], origin: [] },
    ...(contents && { content: [] }),
  };
  for (const file of files) {
    if (columns.name.length % COLLECTED === COLLECTED - 1) collectGarbage();
    const slash = file.path.lastIndexOf('/');
    columns.directory.push(numberOf(directories, file.path.slice(0, Math.max(0, slash))));
    columns.name.push(file.path.slice(slash + 1));
    columns.bytes.push(file.bytes);
    columns.kind.push(kinds.get(file.kind)!);
    columns.layer.push(file.layer);
    columns.package.push((file.package === undefined ? undefined : packages.get(file.package)) ?? -1);
    columns.origin.push(originOf(file.path));
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
