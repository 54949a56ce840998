/** Shannon's entropy, in bits a character. */
export function entropy(text: string): number {
  const counts = new Map<string, number>();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= (count / text.length) * Math.log2(count / text.length);
  return bits;
}

/** One run of the characters that keys in base64 and the like are made of. */
const KEY_LIKE = /^[A-Za-z0-9+/_~.-]{16,}={0,2}$/;
const HEX = /^(?:[0-9a-f]{24,}|[0-9A-F]{24,})$/;
/** Bits a character that a random value has at least, by its length: a short one repeats less. */
const LEAST_ENTROPY = 3.4;
const LEAST_HEX_ENTROPY = 2.9;
/** How often letters change into digits or their case, of all pairs: words with numbers in them do so seldom. */
const LEAST_CHANGES = { mixed: 0.38, single: 0.22 };

/** Whether a value looks as if a machine had drawn it: not a word, a name, a path or a version. */
export function isRandom(value: string): boolean {
  if (HEX.test(value))
    return entropy(value) >= LEAST_HEX_ENTROPY && /[0-9]/.test(value) && /[a-f]/i.test(value);
  if (!KEY_LIKE.test(value) || !/[0-9]/.test(value) || !/[A-Za-z]/.test(value)) return false;
  const isMixed = /[a-z]/.test(value) && /[A-Z]/.test(value);
  return entropy(value) >= LEAST_ENTROPY && changes(value) >= LEAST_CHANGES[isMixed ? 'mixed' : 'single'];
}

/** How often one kind of character follows another: letters of one case, letters of the other, digits, signs. */
export function changes(value: string): number {
  let count = 0;
  for (let at = 1; at < value.length; at++) if (classOf(value[at - 1]!) !== classOf(value[at]!)) count++;
  return count / (value.length - 1);
}

function classOf(character: string): number {
  if (character >= '0' && character <= '9') return 0;
  if (character >= 'a' && character <= 'z') return 1;
  if (character >= 'A' && character <= 'Z') return 2;
  return 3;
}
