import type { Image } from '../image/image.ts';
import type { Provenance } from '../store/provenance.ts';
import type { Census } from './census.ts';
import type { Instruction } from './instructions.ts';
import type { Distribution } from './inventory.ts';

/** An inspected image: the input of all commands that explain images. */
export interface Inspection {
  image: Image;
  census: Census;
  instructions: Instruction[];
  /** The image that it was built on, as far as that is known: its lowest layers. */
  base: { name?: string; layers: number } | undefined;
  /** How a build made the image, if one of this store did. */
  provenance: Provenance | undefined;
  distribution: Distribution | undefined;
}
