import type { Image } from '../image/image.ts';
import type { Census } from './census.ts';
import type { Instruction } from './instructions.ts';
import type { Distribution } from './inventory.ts';

/** An image that has been looked into: what all commands that explain images stand on. */
export interface Inspection {
  image: Image;
  census: Census;
  instructions: Instruction[];
  /** The image that it was built on, as far as that is known: its lowest layers. */
  base: { name?: string; layers: number } | undefined;
  distribution: Distribution | undefined;
}
