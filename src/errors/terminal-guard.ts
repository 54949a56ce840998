import type { Writable } from 'node:stream';
import { visible } from './safe-text.ts';

/** The colours and weights of `style`. */
const OWN_STYLES = /(\x1b\[(?:1|2|22|31|32|33|35|36|39)m)/;

/** Streams that stand before another one. */
const behind = new WeakMap<object, Writable>();

type Terminal = Writable & { isTTY?: boolean };

/**
 * The edge between a command and a terminal: text that is written to the result reaches the terminal with all its
 * control characters made visible but newlines, tabs and, with `color`, the codes of `style`. Bytes pass as they are
 * (what a container prints is its own), and so does everything where the stream is not a terminal.
 */
export function guarded<S extends Terminal>(stream: S, color: boolean): S {
  if (stream.isTTY !== true) return stream;
  const write = (chunk: unknown, ...more: unknown[]) =>
    Reflect.apply(stream.write, stream, [typeof chunk === 'string' ? shown(chunk, color) : chunk, ...more]);
  const guard = new Proxy(stream, {
    get(_, name) {
      if (name === 'write') return write;
      const member: unknown = Reflect.get(stream, name, stream);
      return typeof member === 'function' ? member.bind(stream) : member;
    },
  });
  behind.set(guard, stream);
  return guard;
}

/** The terminal itself, for what moves its cursor: live views and prompts. Their texts have to be made safe before. */
export function unguarded<S extends Writable>(stream: S): S {
  return (behind.get(stream) as S | undefined) ?? stream;
}

function shown(text: string, color: boolean): string {
  if (!color) return visible(text);
  return text
    .split(OWN_STYLES)
    .map((part, at) => (at % 2 === 1 ? part : visible(part)))
    .join('');
}
