import { defineAdvice } from '../advice.ts';

export const baseTag = defineAdvice({
  id: 'BaseTag',
  description: 'A base image has a tag that says its version.',
  severity: 'warning',
  confidence: 'certain',
  aliases: ['DL3006', 'DL3007'],
  on: 'stage',
  check(stage, report) {
    const { image, base, text } = stage;
    if (image === undefined || base !== undefined || image.digest !== undefined) return;
    // Distroless images have their version in the name.
    if (/^(gcr\.io\/distroless|cgr\.dev)\//.test(image.repository)) return;
    const isFloating =
      image.tag !== undefined && /^(latest|stable|edge|nightly|rolling|current)$/.test(image.tag);
    if (image.tag !== undefined && !isFloating) return;
    report({
      message:
        image.tag === undefined
          ? `${image.repository} without a tag is another image after each of its releases`
          : `${image.repository}:${image.tag} is another image after each release`,
      hint: `Write the version: ${image.repository}:<version>.`,
      location: text.from.image.location,
      stage,
    });
  },
});
