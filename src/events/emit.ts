import type { BuildEvent, Emit } from './event.ts';

/** The emitting end of a build's event stream: stamps each event with the time and hands it on. */
export function emitTo(listener: (event: BuildEvent) => void, now: () => number = Date.now): Emit {
  return (event) => listener({ time: now(), ...event });
}
