import { JettisonError } from '../../errors/error.ts';
import { configText } from '../node-project.ts';
import type { Framework } from './framework.ts';

/** Astro: files, or a server of its Node adapter. */
export const astro: Framework = {
  title: 'Astro',
  packages: ['astro'],
  service(project) {
    const config = configText(project, 'astro');
    const buildEnv = { ASTRO_TELEMETRY_DISABLED: '1' };
    const adapter = /@astrojs\/(vercel|netlify|cloudflare)/.exec(config)?.[1];
    if (adapter !== undefined) {
      throw new JettisonError(
        'INIT_UNSUPPORTED',
        `Astro's adapter for ${adapter} gives nothing that runs in an image`,
        {
          hint: 'Use the Node adapter: npx astro add node.',
        },
      );
    }
    if (!/@astrojs\/node/.test(config)) {
      return { kind: 'static', variant: 'static', output: 'dist', isSinglePage: false, env: buildEnv };
    }
    return {
      kind: 'server',
      variant: 'Node adapter',
      start: ['dist/server/entry.mjs'],
      isBuilt: true,
      copies: [{ path: 'dist', comment: 'Server and client, as built.' }],
      modules: 'production',
      port: 4321,
      env: { HOST: '0.0.0.0' },
      buildEnv,
      notes: /mode\s*:\s*['"]middleware/.test(config)
        ? [
            "The Node adapter's mode is middleware, which does not listen: set mode to standalone, or start your own server.",
          ]
        : [],
    };
  },
};
