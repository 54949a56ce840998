import type { DescribedFile, ImageDescription } from '../inspect/describe.ts';
import { KINDS } from '../inspect/package.ts';
import type { FileColumns, ReportData, ReportImage } from './report-data.ts';

/**
 * The data of a report.
 *
 * @param descriptions with files
 * @param version of Jettison
 */
export function reportData(descriptions: readonly ImageDescription[], version: string): ReportData {
  const contents = descriptions.length > 1 ? new Map<string, number>() : undefined;
  return { version, images: descriptions.map((description) => reportImage(description, contents)) };
}

function reportImage(
  { files = [], ...rest }: ImageDescription,
  contents: Map<string, number> | undefined,
): ReportImage {
  const packages = new Map(rest.packages.map(({ id }, at) => [id, at]));
  return { ...rest, files: columns(files, packages, contents) };
}

function columns(
  files: readonly DescribedFile[],
  packages: ReadonlyMap<string, number>,
  contents: Map<string, number> | undefined,
): FileColumns {
  const kinds = new Map(KINDS.map((kind, at) => [kind, at]));
  const directories = new Map<string, number>();
  const columns: FileColumns = {
    ...{ directories: [], directory: [], name: [], bytes: [], kind: [], layer: [], package: [] },
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
