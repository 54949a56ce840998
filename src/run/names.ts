import { randomInt } from 'node:crypto';

const QUALITIES =
  'agile bold brisk calm clear deft eager exact fleet frank keen light lucid merry neat plain prompt quick ready sharp sound steady swift trim vivid warm wise witty';
const THINGS =
  'anchor beacon boom bow buoy cabin capstan chart cleat compass deck dinghy galley hatch helm hull jib keel ketch lantern mast oar pennant pier rudder sail sextant spar tiller winch yawl';

/** A name for a container that nobody named: `brisk-rudder`. */
export function randomName(): string {
  return `${pick(QUALITIES)}-${pick(THINGS)}`;
}

function pick(words: string): string {
  const list = words.split(' ');
  return list[randomInt(list.length)]!;
}
