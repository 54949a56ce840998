import type { Command } from './command.ts';

interface Entry {
  /** One line in the overview. */
  summary: string;
  load: () => Promise<{ command: Command }>;
}

/** Every command, in the overview's order. A module is loaded when its command is typed, not before. */
export const commands: Record<string, Entry> = {
  build: { summary: 'Build an image from a Dockerfile', load: () => import('./build.ts') },
  images: { summary: 'List images', load: () => import('./images.ts') },
  history: { summary: 'Show what made an image', load: () => import('./history.ts') },
  inspect: { summary: 'Show everything about images as JSON', load: () => import('./inspect.ts') },
  tag: { summary: 'Give an image one more name', load: () => import('./tag.ts') },
  rmi: { summary: 'Remove images', load: () => import('./rmi.ts') },
  save: { summary: 'Write images into an archive', load: () => import('./save.ts') },
  load: { summary: 'Read images from an archive', load: () => import('./load.ts') },
  prune: { summary: 'Delete images without a name and what nobody needs', load: () => import('./prune.ts') },
  builder: { summary: 'Delete build cache', load: () => import('./builder.ts') },
};
