import type { ImageBackend } from '../backend.ts';

/** A cache in an image's config: the steps of the image's layers. */
export const inline: ImageBackend<{ type: 'inline' }> = {
  type: 'inline',
  kind: 'image',
  usage: '`type=inline`',
  help: "In the image's own config, for the steps of its own layers; read with `type=registry,ref=IMAGE`.",
  to: {},
  async members(steps) {
    const { inlineCache } = await import('../export-cache.ts');
    const { INLINE_MEMBER } = await import('../cache-manifest.ts');
    return { [INLINE_MEMBER]: inlineCache(steps) };
  },
};
