import { type LookOptions, look } from '../inspect/library.ts';
import { type SbomFormat, writeBill } from './write-bill.ts';

export interface SbomOptions extends LookOptions {
  /** Default: `spdx`. */
  format?: SbomFormat;
  /** List every file with the package that owns it, too. */
  files?: boolean;
  /** Time in the document, in seconds since 1970; default: when the image was made. */
  time?: number;
}

/**
 * The bill of materials of an image: an SPDX 2.3 or CycloneDX 1.6 document, or Jettison's own `Bill`.
 *
 * @param image as for `describeImage`
 * @throws JettisonError as `describeImage`
 */
export async function describeSbom(image: string, options: SbomOptions = {}): Promise<object> {
  const { format = 'spdx', files = false, time, ...rest } = options;
  return look([image], rest, ([inspection]) => writeBill(inspection!, format, { time, files }));
}
