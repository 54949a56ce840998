import type { Inspection } from '../inspect/inspection.ts';
import { type Bill, billOf } from './bill.ts';
import { cycloneDxOf } from './cyclonedx.ts';
import { spdxOf } from './spdx.ts';

export const SBOM_FORMATS = ['spdx', 'cyclonedx', 'json'] as const;

export type SbomFormat = (typeof SBOM_FORMATS)[number];

/**
 * @param time in seconds since 1970; default: when the image was made
 * @param files list every file with its owner, too
 */
export function writeBill(
  inspection: Inspection,
  format: SbomFormat,
  { time, files = false }: { time: number | undefined; files?: boolean },
): object {
  const bill: Bill = billOf(inspection, { files });
  const made = time === undefined ? Date.parse(inspection.image.config.created ?? '') : time * 1000;
  const created = new Date(Number.isNaN(made) ? 0 : made).toISOString().replace(/\.\d+Z$/, 'Z');
  if (format === 'json') return bill;
  return format === 'spdx' ? spdxOf(bill, created) : cycloneDxOf(bill, created);
}
