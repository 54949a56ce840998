import type { Digest } from '../image/digest.ts';
import type { FileList } from './file-list.ts';
import type { StepFacts } from './step-facts.ts';

/** What the store has of a step that is carried out though nothing of it differs from an earlier one. */
export type Leftover =
  /** No record of it. */
  | 'nothing'
  /** A record, and not its layer. */
  | 'no-layer'
  /** Its layer, in forms that this build cannot read. */
  | 'unreadable';

/** A step whose layer was not to be found here. */
export interface MissedStep {
  /** The step's id in its plan. */
  id: string;
  /** Without masking, content and layer. */
  facts: StepFacts;
  /** The lists of the files that it selected, by selection, as far as they were listed. */
  lists: ReadonlyMap<Digest, () => FileList>;
  /** Whether nothing was looked up: in the whole build, or in its stage. */
  noCache: 'all' | 'stage' | undefined;
  left: Leftover;
  /** Secrets and SSH agents that it asks for, and whether they are there. */
  given: Readonly<Record<string, boolean>>;
  /** It is not carried out: another machine has its layer. */
  isElsewhere: boolean;
}

/** Listens to the steps of a plan while they are solved: for the builds on record. */
export interface StepWatch {
  /** A step is about to be carried out, or comes from elsewhere. */
  missed(step: MissedStep): Promise<void>;
  /** A step has its layer, and did not have it under this definition before. */
  kept(step: Pick<MissedStep, 'id' | 'facts' | 'lists'>): Promise<void>;
}
