import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { BuildOptions } from '../../src/build/build.ts';
import { causeText } from '../../src/events/cause.ts';
import type { BuildEvent } from '../../src/events/event.ts';
import { TestBuilds } from './build.ts';

/** A state of a project, and how it is built. What is left out is as in the state before. */
export interface Side {
  dockerfile?: string | string[];
  /** Contents by path; null deletes. */
  files?: Record<string, string | null>;
  options?: Partial<BuildOptions>;
  /** Anything else that is done before it is built. */
  act?: (builds: TestBuilds) => void | Promise<void>;
  /** The build fails. */
  fails?: true;
}

/** Two or more states, and what the last build has to say. */
export interface Pair {
  name: string;
  /** The image `base` is there, and RUNs are carried out. */
  runs?: true;
  sides: Side[];
  /** The root causes that it names, step by step; none where nothing is carried out. */
  because: string[];
  /** How many steps follow from others; default: not looked at. */
  follow?: number;
}

const FILES = { 'package.json': '{}', 'src/a.ts': 'aaaa', 'src/b.ts': 'bbbb', 'README.md': 'read me' };

/** Builds the states one after the other. @returns the last one's events */
export async function buildPair({ sides, runs }: Pair): Promise<BuildEvent[]> {
  const builds = await TestBuilds.create(runs ? {} : undefined);
  try {
    builds.write(FILES);
    let dockerfile = '';
    let events: BuildEvent[] = [];
    for (const side of sides) {
      if (side.dockerfile !== undefined) dockerfile = [side.dockerfile].flat().join('\n');
      for (const [path, content] of Object.entries(side.files ?? {})) {
        if (content === null) rmSync(join(builds.context, path), { recursive: true });
        else builds.write({ [path]: content });
      }
      await side.act?.(builds);
      events = [];
      const options = { ...side.options, onEvent: (event: BuildEvent) => events.push(event) };
      if (side.fails) await builds.failure(dockerfile, options);
      else await builds.build(dockerfile, options);
    }
    return events;
  } finally {
    builds.remove();
  }
}

type Explained = Extract<BuildEvent, { type: 'step.explained' }>;

/** What a build has said: root causes in words, and how many steps follow from others. */
export function saidIn(events: readonly BuildEvent[]): { because: string[]; follow: number } {
  const titles = new Map(
    events.flatMap((event) =>
      event.type === 'build.planned' ? event.steps.map((step) => [step.id, step] as const) : [],
    ),
  );
  const explained = events.filter((event): event is Explained => event.type === 'step.explained');
  const roots = explained.filter(({ why }) => why.follows === undefined);
  return {
    because: roots.flatMap(({ step, why: { causes, named = causes.length } }) =>
      causes.slice(0, named).map((cause) => causeText(cause, titles.get(step))),
    ),
    follow: explained.length - roots.length,
  };
}
