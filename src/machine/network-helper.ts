import { accessSync, constants } from 'node:fs';
import { asRoot, findTool } from './tools.ts';

export type HelperName = 'pasta' | 'slirp4netns';

const TUN = '/dev/net/tun';

/** The program of this machine that can connect a private network, or what is missing. */
export function networkHelper(): { name: HelperName } | { missing: string; hint: string } {
  const name = (['pasta', 'slirp4netns'] as const).find((tool) => findTool(tool) !== undefined);
  if (name === undefined)
    return { missing: 'pasta (package passt) or slirp4netns', hint: 'Install the package passt' };
  try {
    accessSync(TUN, constants.R_OK | constants.W_OK);
    return { name };
  } catch {
    return {
      missing: `the right to use ${TUN}`,
      hint: `To let all users use it, ${asRoot(`chmod 666 ${TUN}`)}`,
    };
  }
}
