/**
 * Jettison as a library: what the command does, as functions with typed events.
 *
 * @module
 */
export {
  type BuildOptions,
  type BuildResult,
  build,
  type ImageResult,
  type SecretSource,
} from './build/build.ts';
export { type CheckOptions, type CheckResult, check } from './build/check.ts';
export type { CacheSource, CacheTarget } from './cache/backends.ts';
export type { Diagnostic, Dockerfile, Instruction, StageText } from './dockerfile/ast.ts';
export { parseDockerfile, printDockerfile } from './dockerfile/parse.ts';
export { EXIT, JettisonError, type Location } from './errors/error.ts';
export type { BuildEvent, StepInfo, StepOutcome } from './events/event.ts';
export type { Output } from './export/exporters.ts';
export type { Annotations, Destination, ImageForm, LayerCompression } from './export/output.ts';
export type { Digest } from './image/digest.ts';
export type { ImageParts } from './image/image.ts';
export type { Descriptor, ImageConfig, Manifest, Platform, RuntimeConfig } from './image/types.ts';
export type {
  Amount,
  DescribedFile,
  DescribedLayer,
  DescribedPackage,
  ImageDescription,
} from './inspect/describe.ts';
export type { ImageDiff } from './inspect/diff.ts';
export { type DescribeOptions, type DiffOptions, describeImage, diffImages } from './inspect/library.ts';
export { findSecretsIn, type SecretsOptions } from './leaks/find-secrets-in.ts';
export type { FoundSecret, SecretsDocument } from './leaks/secrets-json.ts';
export { type ImageRequest, imageKey, type PlanInput, type PlanResult } from './plan/input.ts';
export type { BaseImage, Plan, PlannedStage, Step } from './plan/plan.ts';
export { planBuild } from './plan/planner.ts';
export { describeSbom, type SbomOptions } from './sbom/describe-sbom.ts';
export { findImage, listImages, type NamedImage, readImage } from './store/lookup.ts';
export { openStore, type Store } from './store/store.ts';
