/** Messages between control and `joiner.js`: see worker/programs/joiner.ts. */

import type { Failure } from '../protocol/channel.ts';
import type { ExecOutput, TerminalSize } from '../protocol/exec-request.ts';
import type { EnterRequest } from './enter.ts';

/** The first message, from control. */
export interface JoinRequest {
  enter: EnterRequest;
  /** Whether it takes standard input. */
  typed: boolean;
}

/** From control. */
export type ToJoiner =
  | ({ type: 'start' } & JoinRequest)
  | { type: 'taken' }
  | { type: 'kill'; signal: NodeJS.Signals }
  | { type: 'input'; data?: Uint8Array }
  | { type: 'resize'; size: TerminalSize }
  | { type: 'hang-up' };

/** To control. At most one message of output, and one of input, is in flight. */
export type FromJoiner =
  | { type: 'output'; output: ExecOutput }
  | { type: 'taken' }
  | { type: 'ended'; exitCode: number }
  | { type: 'failed'; failure: Failure };
