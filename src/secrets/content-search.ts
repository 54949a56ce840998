import { BEFORE, Budget, LONGEST_REACH, searchBlock } from './block-search.ts';
import { FILE_KINDS } from './file-kinds.ts';
import { masked } from './masked-text.ts';
import { isPlaceholder } from './placeholders.ts';
import type { FileKind } from './secret-kind.ts';
import { type Surroundings, surroundingsOf } from './surroundings.ts';

/** A secret in a file. Its value is not kept. */
export interface FileSecret {
  /** The id of its kind. */
  kind: string;
  /** Its first characters, and `…`. */
  masked: string;
  /** How long the value is, in bytes. */
  length: number;
  /** Where it begins in the file, in bytes. */
  offset: number;
  /** The line of it, from 1; absent in files that are not text. */
  line?: number;
}

/** What one look at a file gave. */
export interface SearchedFile {
  secrets: FileSecret[];
  /** Look like tokens, and their checksums say that nobody has issued them. */
  forged: FileSecret[];
  /** How many more there are than are listed. */
  more: number;
  /** It consists of so many beginnings of secrets that only a part was searched. */
  isPartial: boolean;
}

const BLOCK = 1 << 20;
const OVERLAP = BEFORE + LONGEST_REACH;
/** Files of a form of their own are read whole up to here. */
const LARGEST_FORM = 1 << 20;
/** Listed of one file. */
const MOST = 100;
/** Bytes at the beginning of a file that say whether it is text. */
const SAMPLE = 8192;
const NEWLINE = 10;

/** Looks for secrets in files, one after the other, while they pass in pieces of any size; holds 1 MiB of them. */
export class ContentSearch {
  readonly #block = Buffer.allocUnsafe(BLOCK);
  #filled = 0;
  /** Where the block begins in the file, and how many lines are before it. */
  #start = 0;
  #lines = 0;
  #path = '';
  #size = 0;
  #surroundings: Surroundings | undefined;
  #budget = new Budget(0);
  #found: SearchedFile = nothing();

  /** @param path relative to the root; @param size in bytes */
  begin(path: string, size: number): void {
    this.#path = path;
    this.#size = size;
    this.#filled = 0;
    this.#start = 0;
    this.#lines = 0;
    this.#surroundings = undefined;
    this.#budget = new Budget(size);
    this.#found = nothing();
  }

  write(chunk: Buffer): void {
    for (let rest = chunk; rest.length > 0; ) {
      const taken = rest.copy(this.#block, this.#filled);
      this.#filled += taken;
      rest = rest.subarray(taken);
      if (this.#filled < BLOCK) return;
      const end = BLOCK - OVERLAP;
      this.#search(end);
      // What an anchor at the end of the block needs before it stays, too.
      const kept = end - BEFORE;
      this.#lines += this.#isText ? countLines(this.#block, kept) : 0;
      this.#block.copy(this.#block, 0, kept);
      this.#start += kept;
      this.#filled -= kept;
    }
  }

  /** The rest of the file. */
  end(): SearchedFile {
    this.#search(this.#filled);
    if (this.#start === 0 && this.#size <= LARGEST_FORM) this.#searchForm();
    const { secrets } = this.#found;
    secrets.sort((a, b) => a.offset - b.offset);
    this.#found.more += Math.max(0, secrets.length - MOST);
    secrets.length = Math.min(secrets.length, MOST);
    this.#found.isPartial = this.#budget.isSpent;
    return this.#found;
  }

  get #isText(): boolean {
    return this.#surroundings !== 'binary';
  }

  #search(end: number): void {
    const block = this.#block.subarray(0, this.#filled);
    this.#surroundings ??= block.subarray(0, SAMPLE).includes(0) ? 'binary' : surroundingsOf(this.#path);
    // Those before were found in the block before.
    const from = this.#start === 0 ? 0 : BEFORE;
    for (const { kind, secret, at, isForged } of searchBlock(block, this.#surroundings, {
      from,
      end,
      budget: this.#budget,
    })) {
      // What a name at the end of the block before has said is said better by the form of the value.
      const last = this.#found.secrets.at(-1);
      if (last !== undefined && last.offset + last.length > this.#start + at) {
        if (!VAGUE.has(last.kind)) continue;
        this.#found.secrets.pop();
      }
      this.#note(kind.id, secret, at, isForged);
    }
  }

  #searchForm(): void {
    const kinds = FILE_KINDS.filter(({ files }) => files.test(this.#path));
    if (kinds.length === 0) return;
    const text = this.#block.toString('latin1', 0, this.#filled);
    for (const kind of kinds) {
      for (const match of text.matchAll(kind.pattern)) this.#noteForm(kind, match);
    }
  }

  #noteForm({ id, decode }: FileKind, match: RegExpExecArray): void {
    const value = match.groups!['secret']!;
    const secret = decode === undefined ? value : decode(value);
    if (secret === undefined || isPlaceholder(secret)) return;
    const at = match.index + match[0].lastIndexOf(value);
    // What says by itself what it is has been found already, unless it was only known by its name.
    const known = this.#found.secrets.findIndex(
      (one) => one.offset < at + value.length && at < one.offset + one.length,
    );
    if (known >= 0 && !VAGUE.has(this.#found.secrets[known]!.kind)) return;
    if (known >= 0) this.#found.secrets.splice(known, 1);
    this.#note(id, secret, at, false);
  }

  #note(kind: string, secret: string, at: number, isForged: boolean): void {
    const list = isForged ? this.#found.forged : this.#found.secrets;
    if (list.length >= 2 * MOST) {
      this.#found.more++;
      return;
    }
    const line = this.#isText ? { line: this.#lines + countLines(this.#block, at) + 1 } : {};
    const offset = this.#start + at;
    list.push({ kind, masked: masked(secret), length: secret.length, offset, ...line });
  }
}

/** Kinds that the form of a file names better. */
const VAGUE: ReadonlySet<string> = new Set(['assigned-secret', 'url-password', 'aws-session-token']);

function nothing(): SearchedFile {
  return { secrets: [], forged: [], more: 0, isPartial: false };
}

/** Newlines before a place in a block. */
function countLines(block: Buffer, end: number): number {
  let count = 0;
  for (let at = block.indexOf(NEWLINE); at >= 0 && at < end; at = block.indexOf(NEWLINE, at + 1)) count++;
  return count;
}
