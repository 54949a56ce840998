import { chownSync, closeSync, constants, fchownSync, fstatSync, openSync } from 'node:fs';
import { ReadStream } from 'node:tty';
import type { TerminalSize } from '../../protocol/exec-request.ts';
import { openInside, openTerminalPeer, setTerminalSize, terminalNumber, unlockTerminal } from '../native.ts';

/** Major and minor number of /dev/ptmx, as `stat` combines them. */
const PTMX = (5 << 8) | 2;
const FLAGS = constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK;
const O_PATH = 0o10000000;

/** The master side of a pseudo-terminal. */
export class Pty {
  private constructor(
    readonly fd: number,
    /** The peer side is /dev/pts/N. */
    readonly number: number,
  ) {}

  /** Opens a pseudo-terminal in this process's own /dev/pts. */
  static open(size: TerminalSize): Pty {
    return Pty.#of(openSync('/dev/ptmx', FLAGS), size);
  }

  /**
   * Opens a pseudo-terminal in the /dev/pts of a root, so that programs in there find its name.
   *
   * @param root absolute path of the root directory, whose content is untrusted
   * @param dev its /dev, relative to it
   * @param owner who may open it by that name; absent: see `openPeer`
   */
  static openInside(root: string, dev: string, size: TerminalSize, owner?: { uid: number }): Pty {
    const directory = openSync(root, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      const pty = Pty.#of(openInside(directory, `${dev}/pts/ptmx`, FLAGS), size);
      if (owner === undefined) return pty;
      // O_PATH: closing a peer that was really opened looks as if its program had ended.
      const other = openInside(directory, `${dev}/pts/${pty.number}`, O_PATH);
      const path = `/proc/self/fd/${other}`;
      chownSync(path, owner.uid, fstatSync(other).gid);
      closeSync(other);
      return pty;
    } finally {
      closeSync(directory);
    }
  }

  static #of(fd: number, size: TerminalSize): Pty {
    try {
      if (fstatSync(fd).rdev !== PTMX) throw new Error('/dev/pts/ptmx is not a device for terminals');
      unlockTerminal(fd);
      setTerminalSize(fd, size);
      return new Pty(fd, terminalNumber(fd));
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  /** The peer side, for a program; the caller closes it. @param owner who may open it by its name */
  openPeer(owner: { uid: number } | undefined): number {
    const peer = openTerminalPeer(this.fd);
    if (owner !== undefined) fchownSync(peer, owner.uid, fstatSync(peer).gid);
    return peer;
  }

  resize(size: TerminalSize): void {
    setTerminalSize(this.fd, size);
  }

  /** Output and input. Ends with an error once no process has the peer side open. */
  stream(): ReadStream {
    return new ReadStream(this.fd);
  }
}

/** Major device numbers of peer sides. */
const PEER_MAJORS = { first: 136, last: 143 };

/**
 * Resizes the terminal on a process's standard input, which a runtime has made: not all runtimes resize it themselves.
 *
 * @param pid of an untrusted command; undefined when it has not started or has ended
 */
export function resizeTerminalOf(pid: number | undefined, size: TerminalSize): void {
  if (pid === undefined) return;
  let fd: number | undefined;
  try {
    fd = openSync(`/proc/${pid}/fd/0`, FLAGS);
    const major = (fstatSync(fd).rdev >> 8) & 0xfff;
    if (major >= PEER_MAJORS.first && major <= PEER_MAJORS.last) setTerminalSize(fd, size);
  } catch {
    // The process has ended, or has closed its standard input.
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
