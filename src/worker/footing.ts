import type { Isolation } from './namespace.ts';
import type { RungName } from './rung.ts';
import type { RuntimeName } from './runtime.ts';

/** What a worker stands on: decided before it is started, since it begins with how it is started. */
export interface Footing {
  isolation: Isolation;
  rung: RungName;
  /** On the rung `oci`: which runtime. */
  runtime?: RuntimeName;
}
