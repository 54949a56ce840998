import type { StageText } from '../dockerfile/ast.ts';
import { envVariables } from '../image/config-values.ts';
import { digestOf } from '../image/digest.ts';
import { DEFAULT_PATH } from './arguments.ts';
import type { ImageRequest } from './input.ts';
import type { BaseImage, PlannedStage, StageBase } from './plan.ts';
import type { StageState } from './stage-state.ts';

/** The initial config of a stage, without the base's ONBUILD triggers, which are not inherited. */
export function baseConfig(base: StageBase): PlannedStage['config'] {
  if (base.kind === 'scratch') return { Env: [`PATH=${DEFAULT_PATH}`], WorkingDir: '/' };
  const { OnBuild: _, ...config } = base.kind === 'image' ? base.image.config : base.stage.config;
  // A copy: instructions change this member in place. As in BuildKit every image has a PATH.
  const env = [...(config.Env ?? [])];
  if (!envVariables(env).has('PATH')) env.push(`PATH=${DEFAULT_PATH}`);
  return { ...config, Env: env };
}

/** An empty image, for `scratch` and for images that are not available. */
export function emptyImage({ reference, platform }: Pick<ImageRequest, 'reference' | 'platform'>): BaseImage {
  return { reference, digest: digestOf(reference), platform, config: {}, history: [], layers: [] };
}

export function onbuildTexts(stage: StageText): string[] {
  return stage.instructions.flatMap((instruction) =>
    instruction.kind === 'ONBUILD' ? [instruction.text] : [],
  );
}

export function finish(state: StageState, base: StageBase): StageState {
  const inherited =
    base.kind === 'image' ? base.image.author : base.kind === 'stage' ? base.stage.author : undefined;
  const author = state.author ?? inherited;
  Object.assign(state.stage, {
    steps: state.steps,
    config: state.config,
    history: state.history,
    scopes: state.scopes,
    args: [...new Set(state.args.map(({ name }) => name))],
    ...(author === undefined ? {} : { author }),
  });
  return state;
}
