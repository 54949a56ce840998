import type { CommandTable } from './command.ts';

/** Every command, in the overview's order. A module is loaded when its command is typed, not before. */
export const commands: CommandTable = {
  init: {
    summary: 'Write a Dockerfile for a project, and try it',
    load: () => import('./commands/init.ts'),
  },
  build: { summary: 'Build an image from a Dockerfile', load: () => import('./commands/build.ts') },
  debug: { summary: 'Open a shell where a build fails', load: () => import('./commands/debug.ts') },
  lint: { summary: 'Check Dockerfiles', load: () => import('./commands/lint.ts') },
  optimise: {
    summary: 'Rewrite a Dockerfile, proving each step by running the image',
    load: () => import('./commands/optimise.ts'),
  },
  forecast: {
    summary: 'Show how often instructions will run, from the git history',
    load: () => import('./commands/forecast.ts'),
  },
  context: { summary: 'Show what a build may read, and why', load: () => import('./commands/context.ts') },
  'why-ran': { summary: 'Show why the steps of a build ran', load: () => import('./commands/why-ran.ts') },
  builds: { summary: 'Manage the builds on record', load: () => import('./commands/builds.ts') },
  run: { summary: 'Run an image', load: () => import('./commands/run.ts') },
  ps: { summary: 'List containers', load: () => import('./commands/ps.ts') },
  logs: {
    summary: 'Print the output of a container in the background',
    load: () => import('./commands/logs.ts'),
  },
  exec: { summary: 'Run a further command in a running container', load: () => import('./commands/exec.ts') },
  stop: { summary: 'Stop containers', load: () => import('./commands/stop.ts') },
  kill: { summary: 'Send a signal to containers', load: () => import('./commands/kill.ts') },
  rm: { summary: 'Remove containers that have ended', load: () => import('./commands/rm.ts') },
  base: {
    summary: "Make a base image of this machine's Node and tools",
    load: () => import('./commands/base.ts'),
  },
  images: { summary: 'List images', load: () => import('./commands/images.ts') },
  history: {
    summary: 'Show how an image was made, layer by layer',
    load: () => import('./commands/history.ts'),
  },
  why: { summary: 'Show why a path or a package is in an image', load: () => import('./commands/why.ts') },
  diff: { summary: 'Show how two images differ, and why', load: () => import('./commands/diff.ts') },
  compare: { summary: 'Compare images side by side', load: () => import('./commands/compare.ts') },
  budget: {
    summary: 'Check an image against limits of its size and content',
    load: () => import('./commands/budget.ts'),
  },
  scan: { summary: 'Find known vulnerabilities in an image', load: () => import('./commands/scan.ts') },
  attest: {
    summary: 'Show or add attestations of an image',
    load: () => import('./commands/attest.ts'),
  },
  secrets: {
    summary: 'Look for passwords, tokens and keys in an image',
    load: () => import('./commands/secrets.ts'),
  },
  sbom: { summary: 'Write a bill of materials of an image', load: () => import('./commands/sbom.ts') },
  db: { summary: 'Manage the advisories of scan', load: () => import('./commands/db.ts') },
  inspect: {
    summary: 'Show all facts of an image or a container as JSON',
    load: () => import('./commands/inspect.ts'),
  },
  explore: {
    summary: 'Explore an image: its files, packages and wasted bytes',
    load: () => import('./commands/explore.ts'),
  },
  report: {
    summary: 'Write a page that shows where every byte of an image comes from',
    load: () => import('./commands/report.ts'),
  },
  tag: { summary: 'Add a name to an image', load: () => import('./commands/tag.ts') },
  rmi: { summary: 'Remove images', load: () => import('./commands/rmi.ts') },
  pull: { summary: 'Fetch an image from a registry', load: () => import('./commands/pull.ts') },
  push: { summary: 'Send an image to a registry', load: () => import('./commands/push.ts') },
  login: { summary: 'Store a user and password for a registry', load: () => import('./commands/login.ts') },
  logout: {
    summary: 'Remove the user and password for a registry',
    load: () => import('./commands/logout.ts'),
  },
  save: { summary: 'Write images to an archive', load: () => import('./commands/save.ts') },
  load: { summary: 'Read images from an archive', load: () => import('./commands/load.ts') },
  prune: { summary: 'Remove images and layers that nothing uses', load: () => import('./commands/prune.ts') },
  du: {
    summary: 'Show the disk usage of the store, and why it is kept',
    load: () => import('./commands/du.ts'),
  },
  builder: { summary: 'Manage the build cache', load: () => import('./commands/builder.ts') },
  'cache-mounts': {
    summary: 'Manage the contents of RUN --mount=type=cache',
    load: () => import('./commands/cache-mounts.ts'),
  },
  completion: {
    summary: 'Print the completion script of a shell',
    load: async () => (await import('./commands/completion.ts')).completionOf(commands),
  },
  version: { summary: 'Show the version', load: () => import('./commands/version.ts') },
  doctor: {
    summary: 'Check this machine, or the store',
    load: () => import('./commands/doctor.ts'),
  },
};
