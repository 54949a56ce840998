import { closeSync, createReadStream } from 'node:fs';
import { type ServerDuplexStream, status } from '@grpc/grpc-js';
import { JettisonError } from '../../errors/error.ts';
import { openHostFile } from '../../layer/host-file.ts';
import { nameOfBytes } from '../../layer/names.ts';
import { below, type Tree, type TreeEntry } from '../../layer/tree.ts';
import { MODE, PACKET, packet, type stat } from '../protocol/files.ts';
import type { Decoded } from '../protocol/message.ts';
import { notFound, Refusal, textForBuilder } from '../refusal.ts';
import { bidiStream, messagesOf, type SessionService, send } from '../session-service.ts';

const CHUNK = 32 * 1024;
const TURN = 500;

/** Files that a builder may ask for under a name: a build context, or the Dockerfile. */
export interface SentFiles {
  tree: Tree;
  /** Bytes of a file whose content is in a layer of the store. */
  readLayer?(entry: TreeEntry): Promise<Uint8Array>;
}

/**
 * Sends files: first the metadata of all, then the content of those that the builder does not have. It can name no
 * other path than those that it was told. The paths that it looks for are ignored: a tree has only what it needs.
 */
export function filesyncService(
  sources: ReadonlyMap<string, SentFiles>,
  onError: (error: unknown) => void,
): SessionService {
  return {
    name: 'moby.filesync.v1.FileSync',
    methods: {
      DiffCopy: bidiStream(packet, packet, async (call) => {
        const name = String(call.metadata.get('dir-name')[0] ?? '');
        const source = sources.get(name);
        if (source === undefined) throw notFound(`the context "${name}"`);
        try {
          await new FilesToSend(source).send(call);
        } catch (error) {
          onError(error);
          // The builder shows the text of this packet.
          if (!call.cancelled) {
            await send(call, { type: PACKET.error, data: Buffer.from(textForBuilder(error)) });
          }
          throw error;
        }
      }),
    },
  };
}

type Call = ServerDuplexStream<Decoded<typeof packet>, Partial<Decoded<typeof packet>>>;

class FilesToSend {
  readonly #entries = new Map<number, TreeEntry>();
  #count = 0;

  constructor(private readonly source: SentFiles) {}

  async send(call: Call): Promise<void> {
    const stats = this.#sendStats(call);
    stats.catch(() => {});
    const contents = this.#answer(call);
    await Promise.all([stats, contents]);
  }

  async #sendStats(call: Call): Promise<void> {
    const links = new Map<string, string>();
    for (const entry of below(this.source.tree, '')) {
      const first = entry.inode === undefined ? undefined : links.get(entry.inode);
      if (entry.inode !== undefined && first === undefined) links.set(entry.inode, entry.path);
      this.#entries.set(this.#count++, entry);
      await send(call, { type: PACKET.stat, stat: statOf(entry, first) });
      if (this.#count % TURN === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await send(call, { type: PACKET.stat });
  }

  async #answer(call: Call): Promise<void> {
    for await (const { type, id, data } of messagesOf(call)) {
      if (type === PACKET.request) {
        await this.#sendContent(call, id);
      } else if (type === PACKET.finish) {
        await send(call, { type: PACKET.finish });
        return;
      } else if (type === PACKET.error) {
        throw new Refusal(status.ABORTED, Buffer.from(data).toString());
      }
    }
    throw new Refusal(status.ABORTED, 'the builder stopped to read the files');
  }

  async #sendContent(call: Call, id: number): Promise<void> {
    const entry = this.#entries.get(id);
    // Each is sent once.
    this.#entries.delete(id);
    if (entry?.type !== 'file') throw new Refusal(status.INVALID_ARGUMENT, `there is no file ${id}`);
    for await (const data of this.#content(entry)) {
      await send(call, { type: PACKET.data, id, data });
    }
    await send(call, { type: PACKET.data, id });
  }

  async *#content(entry: TreeEntry): AsyncIterable<Uint8Array> {
    const { source, size, path } = entry;
    if (source?.kind === 'host') {
      let fd: number;
      try {
        fd = openHostFile(source.path);
      } catch (error) {
        throw changed(path, error);
      }
      if (size === 0) {
        closeSync(fd);
        return;
      }
      let sent = 0;
      for await (const chunk of createReadStream('', { fd, highWaterMark: CHUNK, end: size - 1 })) {
        sent += (chunk as Buffer).length;
        yield chunk as Buffer;
      }
      if (sent !== size) throw changed(path, undefined);
      return;
    }
    const whole =
      source?.kind === 'inline'
        ? Buffer.from(source.data, 'base64')
        : ((await this.source.readLayer?.(entry)) ?? Buffer.alloc(0));
    for (let at = 0; at < whole.length; at += CHUNK) yield whole.subarray(at, at + CHUNK);
  }
}

function changed(path: string, cause: unknown): JettisonError {
  return new JettisonError('CONTEXT_CHANGED', `"${path}" changed while it was sent to the builder`, {
    hint: 'Build again when nothing writes to the context any more.',
    cause,
  });
}

const KINDS: Partial<Record<TreeEntry['type'], number>> = {
  directory: MODE.directory,
  symlink: MODE.symlink,
  fifo: MODE.fifo,
  block: MODE.device,
  char: MODE.device + MODE.charDevice,
};

/** @param first another name of the same file that was sent before */
function statOf(entry: TreeEntry, first: string | undefined): Decoded<typeof stat> {
  const { path, type, mode, uid, gid, size, mtime, mtimeNs = 0, link = '', device, xattrs = {} } = entry;
  if (nameOfBytes(Buffer.from(path)) !== path) {
    throw new JettisonError(
      'CONTEXT_PATH_INVALID',
      `the name of "${path}" is not UTF-8, which BuildKit needs`,
      {
        hint: 'Rename it, or exclude it in .dockerignore.',
      },
    );
  }
  const special =
    (mode & 0o4000 ? MODE.setuid : 0) + (mode & 0o2000 ? MODE.setgid : 0) + (mode & 0o1000 ? MODE.sticky : 0);
  return {
    path,
    mode: (mode & 0o777) + special + (KINDS[type] ?? 0),
    uid,
    gid,
    size: type === 'file' ? size : 0,
    modTime: BigInt(mtime) * 1_000_000_000n + BigInt(mtimeNs),
    linkname: first ?? link,
    major: device?.major ?? 0,
    minor: device?.minor ?? 0,
    xattrs: Object.fromEntries(
      Object.entries(xattrs).map(([name, value]) => [name, Buffer.from(value, 'base64')]),
    ),
  };
}
