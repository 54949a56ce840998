import type { Digest } from '../image/digest.ts';

/** What happens to one blob of a pull or push; counts are bytes. */
export interface TransferProgress {
  digest: Digest;
  size: number;
  /** `present`: it was there already. `mounted`: the registry took it from another repository. */
  state: 'waiting' | 'moving' | 'done' | 'present' | 'mounted';
  /** So far; may go back when a transfer has to start again. */
  moved: number;
}

export type OnProgress = (progress: TransferProgress) => void;
