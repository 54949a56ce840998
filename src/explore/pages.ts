import { displayWidth } from '../events/width.ts';
import type { Cause } from './causes.ts';
import { BINDINGS, PLACES, type Place } from './keys.ts';
import { broken, type Page } from './page.ts';
import { type Span, safe } from './screen.ts';
import { span } from './text.ts';

/** All keys, by place. */
export class HelpPage implements Page {
  readonly title = 'Keys';

  lines(width: number): Span[][] {
    const lines: Span[][] = [];
    for (const place of Object.keys(PLACES) as Place[]) {
      if (lines.length > 0) lines.push([]);
      lines.push([span(PLACES[place], 'bold')]);
      for (const { keys, place: of, help } of BINDINGS) {
        if (of !== place) continue;
        const names = `  ${keys.join(' ')}`.padEnd(KEYS_WIDTH);
        const [first = '', ...rest] = wrapped(help, Math.max(10, width - KEYS_WIDTH));
        lines.push([span(names, 'key'), span(first)]);
        for (const one of rest) lines.push([span(' '.repeat(KEYS_WIDTH) + one)]);
      }
    }
    return lines;
  }
}

const KEYS_WIDTH = 19;

/** The chain of causes of a path, the path first. */
export class CausesPage implements Page {
  readonly title: string;

  constructor(
    path: string,
    private readonly causes: readonly Cause[],
  ) {
    this.title = `Why /${path} is in the image`;
  }

  lines(width: number): Span[][] {
    const label = Math.min(30, Math.max(...this.causes.map(({ what }) => what.length)) + 4);
    return this.causes.flatMap(({ what, detail }, at) => {
      const sign = at === 0 ? '' : '<- ';
      const [first = '', ...rest] = broken(safe(detail), Math.max(10, width - label - 1));
      return [
        [span(`${sign}${what}`.padEnd(label), 'key'), span(` ${first}`)],
        ...rest.map((one) => [span(' '.repeat(label + 1) + one)]),
      ];
    });
  }
}

/** Words on as many lines as they need. */
export function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && displayWidth(line) + 1 + displayWidth(word) > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
