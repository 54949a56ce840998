import { configText, type NodeProject } from '../node-project.ts';
import type { Framework } from './framework.ts';

/** A single page application that Vite builds. */
export const vite: Framework = {
  title: 'Vite',
  packages: ['vite'],
  service: (project) => ({
    kind: 'static',
    variant: 'single page',
    output: outDir(project) ?? 'dist',
    isSinglePage: true,
  }),
};

/** Create React App. */
export const createReactApp: Framework = {
  title: 'Create React App',
  packages: ['react-scripts'],
  service: () => ({ kind: 'static', variant: 'single page', output: 'build', isSinglePage: true }),
};

function outDir(project: NodeProject): string | undefined {
  const found = /\boutDir\s*:\s*['"]([\w./-]+)['"]/.exec(configText(project, 'vite'))?.[1];
  return found === undefined || found.includes('..') ? undefined : found.replace(/^\.\//, '');
}
