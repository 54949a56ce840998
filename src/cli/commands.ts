import type { Command } from './command.ts';

interface Entry {
  /** One line in the overview. */
  summary: string;
  load: () => Promise<{ command: Command }>;
}

/** Every command, in the overview's order. A module is loaded when its command is typed, not before. */
export const commands: Record<string, Entry> = {
  build: { summary: 'Build an image from a Dockerfile', load: () => import('./build.ts') },
  debug: { summary: 'Open a shell where a build fails', load: () => import('./debug.ts') },
  lint: { summary: 'Check Dockerfiles', load: () => import('./lint.ts') },
  context: { summary: 'Show what a build may read, and why', load: () => import('./context.ts') },
  run: { summary: 'Run an image', load: () => import('./run.ts') },
  ps: { summary: 'List containers', load: () => import('./ps.ts') },
  logs: { summary: 'Print what a container in the background has printed', load: () => import('./logs.ts') },
  exec: { summary: 'Run a further command in a running container', load: () => import('./exec.ts') },
  stop: { summary: 'Ask containers to end', load: () => import('./stop.ts') },
  kill: { summary: 'Send a signal to containers', load: () => import('./kill.ts') },
  rm: { summary: 'Forget containers that have ended', load: () => import('./rm.ts') },
  base: {
    summary: "Make a base image of this machine's own Node and tools",
    load: () => import('./base.ts'),
  },
  images: { summary: 'List images', load: () => import('./images.ts') },
  history: { summary: 'Show how an image was made, layer by layer', load: () => import('./history.ts') },
  inspect: {
    summary: 'Show everything known of an image or a container, as JSON',
    load: () => import('./inspect.ts'),
  },
  tag: { summary: 'Give an image another name', load: () => import('./tag.ts') },
  rmi: { summary: 'Remove images', load: () => import('./rmi.ts') },
  pull: { summary: 'Fetch an image from a registry', load: () => import('./pull.ts') },
  push: { summary: 'Send an image to a registry', load: () => import('./push.ts') },
  login: { summary: 'Keep a user and password for a registry', load: () => import('./login.ts') },
  logout: { summary: 'Forget the user and password for a registry', load: () => import('./logout.ts') },
  save: { summary: 'Write images to an archive', load: () => import('./save.ts') },
  load: { summary: 'Read images from an archive', load: () => import('./load.ts') },
  prune: { summary: 'Remove images and layers that nothing uses', load: () => import('./prune.ts') },
  du: { summary: 'Show what takes room in the store, and why', load: () => import('./du.ts') },
  builder: { summary: 'Look after the build cache', load: () => import('./builder.ts') },
  'cache-mounts': {
    summary: 'Look after what RUN --mount=type=cache keeps',
    load: () => import('./cache-mounts.ts'),
  },
  version: { summary: 'Show the version', load: () => import('./version-command.ts') },
  doctor: { summary: 'Show what this machine allows, or check the store', load: () => import('./doctor.ts') },
};
