import type { Command } from './command.ts';

interface Entry {
  /** One line in the overview. */
  summary: string;
  load: () => Promise<{ command: Command }>;
}

/** Every command, in the overview's order. A module is loaded when its command is typed, not before. */
export const commands: Record<string, Entry> = {
  build: { summary: 'Build an image from a Dockerfile', load: () => import('./build.ts') },
};
