import type { Step } from '../../plan/plan.ts';
import { CopyOp } from './copy.ts';
import type { Op, OpStage } from './op.ts';
import { RunOp } from './run.ts';
import { WorkdirOp } from './workdir.ts';

/** The operations by kind of step. */
const OPS = {
  copy: CopyOp,
  workdir: WorkdirOp,
  run: RunOp,
} satisfies { [Kind in Step['kind']]: new (step: Extract<Step, { kind: Kind }>, stage: OpStage) => Op };

/** The operation of a step. */
export function opOf(step: Step, stage: OpStage): Op {
  const Kind = OPS[step.kind] as new (step: Step, stage: OpStage) => Op;
  return new Kind(step, stage);
}
