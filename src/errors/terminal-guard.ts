import type { Writable } from 'node:stream';
import { visible } from './safe-text.ts';

/** The colours and weights of `style`. */
const OWN_STYLES = /(\x1b\[(?:1|2|22|31|32|33|35|36|39)m)/;

/** The original stream of each guarded one. */
const behind = new WeakMap<object, Writable>();

type Terminal = Writable & { isTTY?: boolean };

/**
 * Wraps a stream for a command. On a terminal, text is written with control characters made visible, except newlines,
 * tabs and, with `color`, the codes of `style`. Bytes (output of containers) are passed unchanged, and so is everything
 * if the stream is not a terminal.
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

/** The original stream, for live views and prompts, which move the cursor and must make their texts safe themselves. */
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
