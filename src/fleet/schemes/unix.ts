import { invalidBuilder, type Scheme } from '../link.ts';

/** A `buildkitd` on this machine, by the path of its socket. */
export const unix: Scheme = {
  example: 'unix:///run/buildkit/buildkitd.sock',
  parameters: [],
  link(address) {
    const path = decodeURIComponent(address.pathname);
    if (address.host !== '' || path.length < 2) {
      throw invalidBuilder(
        `invalid builder "${address.href}"`,
        'Write the path of its socket: unix:///run/buildkit/buildkitd.sock.',
      );
    }
    return { kind: 'socket', target: `unix:${path}` };
  },
};
