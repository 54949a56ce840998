import { type TarHeader, TarReader } from '../layer/tar-read.ts';

export interface TarMember {
  header: TarHeader;
  /** Need not be read to its end: the rest is skipped. */
  content: AsyncIterable<Buffer>;
}

/**
 * The members of a tar, in order. A member's content must be read before the next member is requested.
 *
 * @throws JettisonError `TAR_INVALID`, `TAR_UNSUPPORTED`
 */
export async function* tarMembers(tar: AsyncIterable<Buffer>): AsyncGenerator<TarMember> {
  type Event = { header: TarHeader } | { chunk: Buffer } | 'end';
  let events: Event[] = [];
  let at = 0;
  const reader = new TarReader({
    entry: (header) => events.push({ header }),
    data: (chunk) => events.push({ chunk }),
    end: () => events.push('end'),
  });
  const chunks = tar[Symbol.asyncIterator]();

  async function next(): Promise<Event | undefined> {
    while (at === events.length) {
      [events, at] = [[], 0];
      const { done, value } = await chunks.next();
      if (done) {
        reader.end();
        return undefined;
      }
      reader.write(value);
    }
    return events[at++];
  }

  for (;;) {
    const event = await next();
    if (event === undefined) return;
    if (event === 'end' || !('header' in event)) continue;
    let open = true;
    async function* content(): AsyncGenerator<Buffer> {
      while (open) {
        const piece = await next();
        if (piece === undefined || piece === 'end' || 'header' in piece) open = false;
        else yield piece.chunk;
      }
    }
    yield { header: event.header, content: content() };
    // Skips the unread rest of this member.
    for await (const _ of content());
  }
}
