import { status } from '@grpc/grpc-js';
import { JettisonError } from '../errors/error.ts';

/** What a method answers with instead of a result. */
export class Refusal extends Error {
  constructor(
    readonly code: status,
    message: string,
  ) {
    super(message);
  }
}

export function notFound(what: string): Refusal {
  return new Refusal(status.NOT_FOUND, `${what}: not found`);
}

/** The text of an error for the builder: of one that is meant for users, not of the system's, which has paths. */
export function textForBuilder(error: unknown): string {
  const isMeant = error instanceof Refusal || error instanceof JettisonError;
  return isMeant ? error.message : 'the client of the builder failed';
}
