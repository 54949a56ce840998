import type { GitSource } from '../dockerfile/git-url.ts';
import { type OnProgress, transferName } from '../events/transfer.ts';
import type { Digest } from '../image/digest.ts';
import { Http } from '../registry/http.ts';
import type { StoreLayout } from '../store/layout.ts';
import { temporaryPath } from '../store/temporary.ts';
import { checkOut, findCommit, type GitCommit } from './git.ts';
import { type Download, download } from './http-download.ts';
import type { Secrets } from './secret-logins.ts';

/** A repository at one commit. */
export interface Checkout {
  commit: string;
  /** Absolute path of the files, in this process's temporary folder. */
  directory: string;
}

/** The URLs and repositories of one build: each is requested once. */
export class Remotes {
  readonly #options: {
    layout: StoreLayout;
    env: NodeJS.ProcessEnv;
    signal: AbortSignal;
    secrets: Secrets;
  };
  readonly #http: Http;
  readonly #downloads = new Map<string, Promise<Download>>();
  readonly #commits = new Map<string, Promise<GitCommit | undefined>>();
  readonly #checkouts = new Map<string, Promise<Checkout>>();

  constructor(options: {
    layout: StoreLayout;
    env: NodeJS.ProcessEnv;
    signal: AbortSignal;
    secrets: Secrets;
  }) {
    this.#options = options;
    this.#http = new Http(options.env);
  }

  /** @throws JettisonError `DOWNLOAD_FAILED`, `DIGEST_MISMATCH` */
  download(url: string, expected?: Digest, onProgress?: OnProgress): Promise<Download> {
    const { layout, signal, secrets } = this.#options;
    return once(this.#downloads, `${url} ${expected ?? ''}`, () =>
      download(url, expected, {
        layout,
        signal,
        secrets,
        http: this.#http,
        ...(onProgress && { onProgress }),
      }),
    );
  }

  /** The commit of a source; without a fetch if the repository can tell. @throws JettisonError `GIT_…` */
  async commit(source: GitSource, onProgress?: OnProgress): Promise<string> {
    return (await this.#find(source))?.commit ?? (await this.checkOut(source, onProgress)).commit;
  }

  /** The files of a source. @throws JettisonError `GIT_…` */
  checkOut(source: GitSource, onProgress: OnProgress = () => {}): Promise<Checkout> {
    return once(this.#checkouts, JSON.stringify(source), async () => {
      const found = await this.#find(source);
      // git reports no machine-readable byte counts.
      const item = transferName(source.url);
      onProgress({ item, state: 'moving', moved: 0 });
      const checkout = await checkOut(
        source,
        found,
        temporaryPath(this.#options.layout, 'git'),
        this.#options,
      );
      onProgress({ item, state: 'done', moved: 0 });
      return checkout;
    });
  }

  /** Closes idle connections. */
  close(): void {
    this.#http.close();
  }

  #find(source: GitSource): Promise<GitCommit | undefined> {
    return once(this.#commits, JSON.stringify(source), () => findCommit(source, this.#options));
  }
}

function once<T>(known: Map<string, Promise<T>>, key: string, work: () => Promise<T>): Promise<T> {
  let found = known.get(key);
  if (found === undefined) {
    found = work();
    known.set(key, found);
  }
  return found;
}
