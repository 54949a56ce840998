import { withoutCredentials } from '../errors/safe-text.ts';
import type { BuildEvent, BuildEventBody, Emit } from './event.ts';

/** Returns the function that emits a build's events: adds the time, and masks credentials. */
export function emitTo(listener: (event: BuildEvent) => void, now: () => number = Date.now): Emit {
  return (event) => listener({ time: now(), ...masked(event) });
}

/** Masks credentials in an event's texts, but not in a command's output. */
function masked(event: BuildEventBody): BuildEventBody {
  switch (event.type) {
    case 'build.started':
      return { ...event, context: withoutCredentials(event.context) };
    case 'step.progress':
      return { ...event, text: withoutCredentials(event.text) };
    case 'export.started':
    case 'export.finished':
      return { ...event, what: withoutCredentials(event.what) };
    case 'warning':
      return {
        ...event,
        message: withoutCredentials(event.message),
        ...(event.hint === undefined ? {} : { hint: withoutCredentials(event.hint) }),
      };
    default:
      return event;
  }
}
