/** Messages of programs whose connection was refused. */
const REFUSED =
  /refused|ECONNREFUSED|\b(?:can(?:no|')t|cannot|could ?n[o']t|could not|unable to|failed to) connect\b/i;
const ADDRESS = String.raw`localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|::1`;
const LOOPBACK = new RegExp(String.raw`(?<![\w.:-])(?:${ADDRESS})(?![\w-]|\.\w|:[0-9a-f]*:)`, 'i');
const PROXY = /^((?:https?|ftp|all)_proxy)=(.*)$/is;
const LOOPBACK_URL = new RegExp(
  String.raw`^(?:[a-z][a-z0-9+.-]*://)?(?:[^@/]*@)?\[?(${ADDRESS})\]?(?::\d+)?(?:/|$)`,
  'i',
);
/** Characters of a line that are searched. */
const LINE_LIMIT = 4000;

/** Detects that a command in a private network has tried to reach a server of the machine on its own loopback. */
export class LoopbackWatch {
  #rest = '';
  #found: string | undefined;

  /** @param text next piece of the command's output */
  listen(text: string): void {
    if (this.#found !== undefined) return;
    const lines = (this.#rest + text).split(/[\r\n]/);
    this.#rest = lines.at(-1)!.slice(-LINE_LIMIT);
    for (const line of lines) {
      const shown = line.slice(0, LINE_LIMIT);
      if (REFUSED.test(shown)) this.#found ??= LOOPBACK.exec(shown)?.[0];
    }
  }

  /** A hint for the error of the command; undefined without a refused connection. @param env its variables, `K=V` */
  hint(env: readonly string[]): string | undefined {
    const proxy = loopbackProxy(env);
    if (this.#found === undefined && proxy === undefined) return undefined;
    const what =
      this.#found === undefined
        ? `${proxy!.name} names ${proxy!.address}`
        : `Nothing listens on ${this.#found} in its network`;
    return `${what}: RUN has a private network, and servers on this machine's loopback are reached only with --network host.`;
  }
}

/** The first variable that names a proxy on the loopback. */
function loopbackProxy(env: readonly string[]): { name: string; address: string } | undefined {
  for (const variable of env) {
    const [, name, value] = PROXY.exec(variable) ?? [];
    const address = value === undefined ? undefined : LOOPBACK_URL.exec(value)?.[1];
    if (address !== undefined) return { name: name!, address };
  }
  return undefined;
}
