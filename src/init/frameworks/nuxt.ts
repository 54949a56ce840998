import type { Framework } from './framework.ts';

/** Nuxt: a server of Nitro's that contains its modules, or generated files. */
export const nuxt: Framework = {
  title: 'Nuxt',
  packages: ['nuxt'],
  service({ manifest }) {
    const buildEnv = { NUXT_TELEMETRY_DISABLED: '1' };
    if (/\bnuxt\s+generate\b/.test(manifest.scripts['build'] ?? '')) {
      return {
        kind: 'static',
        variant: 'generated',
        output: '.output/public',
        isSinglePage: false,
        env: buildEnv,
      };
    }
    return {
      kind: 'server',
      start: ['.output/server/index.mjs'],
      isBuilt: true,
      copies: [
        { path: '.output', comment: 'The server and its files; the modules that it loads are in it.' },
      ],
      modules: 'none',
      port: 3000,
      env: { HOST: '0.0.0.0' },
      buildEnv,
    };
  },
};
