import type { CheckOptions, Diagnostic } from './ast.ts';

/** One of Docker's build checks. */
export interface Check {
  /** What is wrong in general. */
  description: string;
  /** Runs only when `experimental` asks for it. */
  experimental?: true;
}

/** Docker's build checks by their ids. */
export const CHECKS = {
  StageNameCasing: { description: 'Names of stages are written in lower case.' },
  FromAsCasing: { description: 'FROM and AS are written in the same case.' },
  NoEmptyContinuation: { description: 'No empty line stands inside a continued instruction.' },
  ConsistentInstructionCasing: { description: 'All instructions are written in the same case.' },
  DuplicateStageName: { description: 'Every stage has a name of its own.' },
  ReservedStageName: { description: 'No stage is called by a reserved word.' },
  JSONArgsRecommended: {
    description: 'CMD and ENTRYPOINT are written as JSON, so that signals reach the program and not a shell.',
  },
  MaintainerDeprecated: { description: 'A label says who maintains the image, not MAINTAINER.' },
  UndefinedArgInFrom: { description: 'FROM uses arguments that are declared before it.' },
  WorkdirRelativePath: { description: 'A relative WORKDIR follows an absolute one of the same build.' },
  UndefinedVar: { description: 'Variables are set before they are used.' },
  MultipleInstructionsDisallowed: {
    description: 'CMD, ENTRYPOINT and HEALTHCHECK stand once in a stage: only the last one counts.',
  },
  LegacyKeyValueFormat: { description: 'ENV and LABEL are written with "=".' },
  InvalidBaseImagePlatform: { description: 'A base image is of the platform that is built for.' },
  RedundantTargetPlatform: { description: 'FROM --platform=$TARGETPLATFORM is what FROM does anyway.' },
  SecretsUsedInArgOrEnv: {
    description: 'Secrets are given neither by ARG nor by ENV: both stay in the image.',
  },
  InvalidDefaultArgInFrom: { description: 'With the defaults of its arguments, FROM names a valid image.' },
  FromPlatformFlagConstDisallowed: { description: 'FROM --platform has no fixed value.' },
  CopyIgnoredFile: { description: 'What is copied is not left out by .dockerignore.', experimental: true },
  InvalidDefinitionDescription: {
    description: 'A comment above a stage or an argument begins with its name.',
    experimental: true,
  },
  ExposeProtoCasing: { description: 'EXPOSE writes protocols in lower case.' },
  ExposeInvalidFormat: { description: 'EXPOSE names ports of the container only.' },
} as const satisfies Record<string, Check>;

export type CheckId = keyof typeof CHECKS;

/** Whether some options let a check report. */
export function isCheckOn(id: string, options: CheckOptions): boolean {
  if (options.skip === 'all' || options.skip.includes(id)) return false;
  const check: Check | undefined = Object.hasOwn(CHECKS, id) ? CHECKS[id as CheckId] : undefined;
  if (!check?.experimental) return true;
  return options.experimental === 'all' || options.experimental.includes(id);
}

const SECRET = /(?:_|^)(?:apikey|auth|credentials?|key|password|pword|passwd|secret|token)(?:_|$)/i;
const NO_SECRET = /(?:_|^)(?:public|file|version)(?:_|$)/i;

/** True when a variable's name says that its value is a secret (SecretsUsedInArgOrEnv). */
export function namesSecret(name: string): boolean {
  return SECRET.test(name) && !NO_SECRET.test(name);
}

/** Diagnostics in the order of the file. */
export function inOrder(diagnostics: Diagnostic[]): Diagnostic[] {
  return [...diagnostics].sort(
    (a, b) => a.location.line - b.location.line || a.location.column - b.location.column,
  );
}
