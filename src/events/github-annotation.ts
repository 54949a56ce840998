/** What an annotation belongs to. */
export interface AnnotationPlace {
  title?: string;
  file?: string;
  line?: number;
}

/**
 * A workflow command of GitHub Actions that shows a message at a file's line. Nothing in its texts can become another
 * command.
 */
export function annotation(
  level: 'error' | 'warning' | 'notice',
  message: string,
  place: AnnotationPlace = {},
): string {
  const data = (text: string) => text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
  const property = (text: string) => data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
  const properties = (['file', 'line', 'title'] as const).flatMap((key) => {
    const value = place[key];
    return value === undefined ? [] : [`${key}=${property(String(value))}`];
  });
  return `::${level} ${properties.join(',')}::${data(message)}\n`;
}
