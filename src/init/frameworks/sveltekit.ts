import { JettisonError } from '../../errors/error.ts';
import { configText } from '../node-project.ts';
import type { Framework } from './framework.ts';

/** SvelteKit, with its Node or its static adapter. */
export const svelteKit: Framework = {
  title: 'SvelteKit',
  packages: ['@sveltejs/kit'],
  service(project) {
    const config = configText(project, 'svelte') + configText(project, 'vite');
    if (/adapter-static/.test(config)) {
      return {
        kind: 'static',
        variant: 'static adapter',
        output: 'build',
        isSinglePage: /\bfallback\s*:/.test(config),
      };
    }
    if (!/adapter-node/.test(config)) {
      const adapter = /adapter-(\w+)/.exec(config)?.[0] ?? 'no adapter';
      throw new JettisonError(
        'INIT_UNSUPPORTED',
        `SvelteKit with ${adapter} gives nothing that runs in an image`,
        {
          hint: 'Install @sveltejs/adapter-node as a development dependency, and use it in svelte.config.js.',
        },
      );
    }
    return {
      kind: 'server',
      variant: 'Node adapter',
      start: ['build/index.js'],
      isBuilt: true,
      copies: [{ path: 'build', comment: 'The server and its files, as built.' }],
      modules: 'production',
      port: 3000,
      env: { HOST: '0.0.0.0' },
    };
  },
};
