import type { TextEdit } from '../dockerfile/text-edit.ts';
import type { Location } from '../errors/error.ts';
import type { Plan } from '../plan/plan.ts';
import type { ImageFacts } from './image-facts.ts';
import type { ShellCommand } from './shell-commands.ts';
import type { DockerfileFacts, RunFacts, StageFacts } from './stage-facts.ts';

/** From the worst to the mildest. */
export const SEVERITIES = ['error', 'warning', 'info'] as const;
export type AdviceSeverity = (typeof SEVERITIES)[number];

/** What is known of the build context; paths are relative to it. */
export interface ContextFacts {
  /** The text of a small file that the build sees, such as package.json. */
  file(path: string): string | undefined;
  /** Whether the build sees something at a path. */
  has(path: string): boolean;
  /** What COPY of everything takes although an image seldom needs it, largest first. */
  surplus: readonly Surplus[];
  ignoreName: string | undefined;
  ignoreText: string | undefined;
}

export interface Surplus {
  /** A file, or a folder with all its files. */
  path: string;
  bytes: number;
  files: number;
  /** There is more than was counted. */
  isPartial: boolean;
  /** It holds secrets. */
  isSecret: boolean;
}

/** All that rules of advice look at. */
export interface Evidence extends DockerfileFacts {
  /** Absent for a Dockerfile without its context. */
  context: ContextFacts | undefined;
  /** Absent where the plan could not be made. */
  plan: Plan | undefined;
  /** Registries that base images may come from; undefined: all of them. */
  trustedRegistries: readonly string[] | undefined;
  /** The image that the Dockerfile made; absent where none was named. */
  image: ImageFacts | undefined;
  /** By line of an instruction: with how many of a number of past commits it would have run; absent where nobody counted. */
  rates?: ReadonlyMap<number, { runs: number; commits: number }>;
  /** `2026-11-28`; absent where nobody asks whether releases are still supported. */
  today: string | undefined;
}

/** What rules see that look at an image. */
export interface ImageEvidence extends Evidence {
  image: ImageFacts;
}

/** One finding of a rule. */
export interface AdviceFinding {
  message: string;
  location: Location;
  hint: string;
  /** The stage that it is about. */
  stage: StageFacts;
  /** Bytes of the image, or of the context, that go away. */
  bytes?: number;
  /** Where a rule is milder or harder than usual. */
  severity?: AdviceSeverity;
  /** Edits of the Dockerfile that remove the finding and keep what the image does. */
  fix?: TextEdit[];
}

export interface AdviceSubjects {
  /** One simple command of a RUN. */
  command: { command: ShellCommand; run: RunFacts; stage: StageFacts };
  run: { run: RunFacts; stage: StageFacts };
  stage: StageFacts;
  /** The whole file; `target` is the stage that becomes the image. */
  file: DockerfileFacts;
}

export interface Advice<On extends keyof AdviceSubjects, Seen extends Evidence = Evidence> {
  /** Its page is docs/rules/<id>.md. */
  id: string;
  /** How it should be, as one sentence. */
  description: string;
  severity: AdviceSeverity;
  /** How often a finding is right: `certain`, or `likely` where a reason can stand outside of the Dockerfile. */
  confidence: 'certain' | 'likely';
  /** It looks at an image, and is left out where there is none. */
  needsImage?: true;
  /** Rules that say the same of an instruction from its text: where one does, its finding stands, with these bytes. */
  yieldsTo?: readonly string[];
  /** Ids of the same rule in hadolint. */
  aliases: readonly string[];
  on: On;
  check(subject: AdviceSubjects[On], report: (finding: AdviceFinding) => void, evidence: Seen): void;
}

export type AnyAdvice = { [On in keyof AdviceSubjects]: Advice<On> }[keyof AdviceSubjects];
/** The part of a rule that lists need. */
export type AdviceFacts = Omit<AnyAdvice, 'check' | 'on'>;

/** A rule of advice: one file of `rules/`, one line in `rules.ts`. */
export function defineAdvice<On extends keyof AdviceSubjects>(rule: Advice<On>): Advice<On> {
  return rule;
}

/** A rule of advice that looks at an image, and is left out where there is none. */
export function defineImageAdvice<On extends keyof AdviceSubjects>(
  rule: Omit<Advice<On, ImageEvidence>, 'needsImage'>,
): Advice<On, ImageEvidence> & { needsImage: true } {
  return { ...rule, needsImage: true };
}
