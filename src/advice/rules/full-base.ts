import { defineAdvice } from '../advice.ts';
import { isCompiler, toolsOf } from '../shipped-tools.ts';
import { baseLocation } from '../stage-facts.ts';

export const fullBase = defineAdvice({
  id: 'FullBase',
  description: 'The last stage stands on the slim variant of its base image.',
  // Whether the program needs nothing of the full image, such as a library or git, only the image can show.
  severity: 'info',
  confidence: 'likely',
  aliases: [],
  on: 'file',
  check({ target }, report, { image: shipped }) {
    const { image } = target;
    if (image === undefined || !/^(node|python|ruby)$/.test(image.repository)) return;
    const tag = image.tag ?? 'latest';
    if (/alpine|slim|windows|distroless/.test(tag)) return;
    const version = tag === 'latest' ? '<version>' : tag.replace(/-?(bookworm|bullseye|trixie|buster)$/, '');
    // A tag says what the image has; a look at the image is better.
    if (shipped !== undefined && ![...toolsOf(shipped).keys()].some(isCompiler)) return;
    const addons = shipped?.census.facts('native-addons').size;
    const reason =
      addons === undefined
        ? 'few programs need'
        : addons === 0
          ? 'no native addon of the image needs'
          : `${addons === 1 ? 'the native addon' : 'native addons'} of the image may need`;
    report({
      message: `${image.repository}:${tag} ships compilers, libraries and headers, which ${reason}`,
      hint: `Build in a stage on it, and ship one on ${image.repository}:${version}-slim.`,
      location: baseLocation(target),
      stage: target,
    });
  },
});
