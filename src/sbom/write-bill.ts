import type { Inspection } from '../inspect/inspection.ts';
import { type Bill, billOf } from './bill.ts';
import { cycloneDxOf } from './cyclonedx.ts';
import { spdxOf } from './spdx.ts';

export const SBOM_FORMATS = ['spdx', 'cyclonedx', 'json'] as const;

/** @param time in seconds since 1970; default: when the image was made */
export function writeBill(
  inspection: Inspection,
  format: (typeof SBOM_FORMATS)[number],
  { version, time }: { version: string; time: number | undefined },
): object {
  const bill: Bill = billOf(inspection);
  const made = time === undefined ? Date.parse(inspection.image.config.created ?? '') : time * 1000;
  const created = new Date(Number.isNaN(made) ? 0 : made).toISOString().replace(/\.\d+Z$/, 'Z');
  if (format === 'json') return bill;
  return format === 'spdx' ? spdxOf(bill, { created, version }) : cycloneDxOf(bill, { created, version });
}
