import type { RecipeEntry } from '../../src/layer/entry.ts';
import type { Store } from '../../src/store/store.ts';
import { makeTar } from './images.ts';

/** A build that gives the same layers on every rung of the ladder on which commands run. */
export interface RungBuild {
  name: string;
  /** Stands on the image `base` of `makeBaseImage`. */
  dockerfile: string;
  /** Files of the context. */
  files?: Record<string, Buffer>;
  /** Only where a machine's root, or a container's, makes devices. */
  devices?: true;
}

/** `cap_net_raw=ep`, as the kernel keeps it. */
const NET_RAW = Buffer.from('0100000200200000000000000000000000000000', 'hex').toString('base64');
const CAPABLE = makeTar([
  [{ path: 'ping', mode: 0o755, xattrs: { 'security.capability': NET_RAW } }, 'ping'],
]);

/** Makes whatever the steps after it change: their layers say what a change of something lower is. */
const LOWER = `FROM base
USER root
RUN umask 022 \\
 && mkdir -p /lower/dir/deep /lower/empty /lower/other /lower/opaque/sub /srv/data \\
 && echo one >/lower/one && echo two >/lower/two && echo three >/lower/dir/three && echo deep >/lower/dir/deep/file \\
 && ln -s one /lower/link && ln -s /lower/dir /lower/dirlink && ln -s nowhere /lower/dangling \\
 && ln /lower/one /lower/hard && echo x >/lower/opaque/old && echo y >/lower/opaque/sub/old \\
 && echo keep >/srv/data/keep && chown -R 1000:1000 /srv/data && chmod 2775 /srv/data && mkfifo /lower/fifo \\
 && echo 'secret' >/lower/locked && chmod 0 /lower/locked && echo run >/lower/setuid && chmod 4755 /lower/setuid
`;

export const RUNG_BUILDS: readonly RungBuild[] = [
  {
    name: 'accounts and owners',
    dockerfile: `${LOWER}RUN echo some:x:77:someone >>/etc/group && sed -i '$a someone:x:1234:1234::/home/someone:/bin/sh' /etc/passwd \
 && mkdir -m 700 /home/someone && chown someone /home/someone && id someone
RUN chown -R someone:some /lower && chown -h 12:13 /lower/link && chown 55 /srv/data/keep
USER someone:some
WORKDIR /home/someone
RUN id -u && id -g && echo mine >mine && mkdir -p a/b && chmod 700 a && touch a/b/c && echo more >>/lower/two
USER 4321:8765
RUN test "$(id -u):$(id -g)" = 4321:8765 && ! touch /lower/refused 2>/dev/null
`,
  },
  {
    name: 'modes',
    dockerfile: `${LOWER}RUN chmod 4711 /lower/one && chmod 2755 /lower/dir && chmod 1777 /lower/empty && chmod u-s /lower/setuid
RUN umask 077 && mkdir /private && echo x >/private/file && cp /bin/busybox /private/su && chmod 6755 /private/su
RUN touch /new && chmod 0 /new /lower/two && chmod 0 /lower/dir
`,
  },
  {
    name: 'nothing',
    dockerfile: `${LOWER}RUN true
RUN cat /lower/one >/dev/null && ls -lR /lower /srv /etc /dev >/dev/null && test -d /proc && test -d /sys && echo to stdout && echo to stderr >&2
RUN chmod 644 /lower/one && chmod 755 /lower/dir && chown 0:0 /lower/two && touch -r /lower/one /lower/one
RUN mkdir /gone && echo x >/gone/x && rm -r /gone && echo x >/tmp/x && rm /tmp/x
RUN touch -r /lower /marker && echo x >/lower/passing && rm /lower/passing && touch -r /marker /lower && rm /marker
`,
  },
  {
    name: 'links',
    dockerfile: `${LOWER}RUN ln /lower/two /lower/again && ln /lower/two /two && echo new >/a && ln /a /b && mkdir /c && ln /a /c/d
RUN echo changed >>/lower/hard
RUN echo changed >>/lower/one
RUN rm /lower/link && ln -s two /lower/link && ln -sfn /srv /lower/dirlink && ln -s /x/y /lower/new && rm /lower/dangling
RUN rm /b && echo z >>/a
`,
  },
  {
    name: 'deletes',
    dockerfile: `${LOWER}RUN rm /lower/one && rm -r /lower/dir && rmdir /lower/empty && rm /lower/fifo /lower/link
RUN rm -r /lower && mkdir /lower && echo anew >/lower/file
RUN rm -rf /lower /srv /home
RUN mkdir -p /lower/dir && echo back >/lower/dir/three
`,
  },
  {
    name: 'opaque directories',
    dockerfile: `${LOWER}RUN rm -r /lower/opaque && mkdir /lower/opaque && echo new >/lower/opaque/new
RUN rm -r /lower/dir && mkdir -p /lower/dir/deep && chmod 700 /lower/dir && touch /lower/dir/deep/other
RUN rm -r /lower/opaque && mkdir -p /lower/opaque/sub/sub && chown -R 7:8 /lower/opaque
RUN rm -r /lower/empty && mkdir /lower/empty
`,
  },
  {
    name: 'other kinds',
    dockerfile: `${LOWER}RUN rm -r /lower/dir && echo file >/lower/dir && rm /lower/one && mkdir /lower/one && echo in >/lower/one/in
RUN rm /lower/dir && ln -s other /lower/dir && rm -r /lower/other && ln -s dir /lower/other
RUN rm /lower/dir && mkdir -p /lower/dir/deep && rm /lower/fifo && echo x >/lower/fifo && rm /lower/two && mkfifo /lower/two
`,
  },
  {
    name: 'renames',
    dockerfile: `${LOWER}RUN mv /lower/one /lower/uno && mv /lower/two /lower/one
RUN mv /lower/dir /lower/moved && mv /srv/data /srv/old && mkdir /srv/data && mv /srv/old/keep /srv/data/kept
RUN mv /lower/moved/deep /deep && mv /lower/opaque /lower/moved/opaque
RUN mkdir /fresh && echo f >/fresh/f && mv /fresh /fresher && mv /fresher/f /lower/f && mv /fresher /lower/empty/fresh
`,
  },
  {
    name: 'contents',
    dockerfile: `${LOWER}RUN echo more >>/lower/dir/deep/file && : >/lower/two && dd if=/dev/zero of=/large bs=1M count=3 2>/dev/null
RUN echo 1 >/lower/one.new && mv /lower/one.new /lower/one && dd if=/dev/zero of=/sparse bs=1 count=1 seek=5000000 2>/dev/null
RUN printf 'three\\n' >/lower/dir/three && printf '\\303\\244' >"/lower/$(printf '\\303\\244')" && echo b >"/lower/$(printf 'b\\377')"
RUN for i in 0 1 2 3 4 5 6 7 8 9; do mkdir -p /many/$i && for j in a b c d e f; do echo $i$j >/many/$i/$j; done; done
RUN rm -r /many/3 && echo x >/many/4/a && chmod 700 /many/5 && rm /many/6/b && mv /many/7 /many/77
`,
  },
  {
    name: 'what is there for the run only',
    dockerfile: `${LOWER}RUN echo x >/dev/null && head -c 8 /dev/urandom >/dev/null && echo x >/dev/shm/x && test -s /etc/resolv.conf -o -e /etc/resolv.conf && grep -q localhost /etc/hosts
RUN --mount=type=cache,target=/var/cache/some --mount=type=tmpfs,target=/lower/dir --mount=type=tmpfs,target=/t/t \\
  echo c >/var/cache/some/c && echo t >/t/t/t && echo d >/lower/dir/d && ls -A /lower/dir >/listing && touch /t/kept
RUN --mount=type=cache,target=/var/cache/some cp /var/cache/some/c /cached && rm -r /t
RUN --mount=from=base,source=/etc,target=/from --mount=from=base,source=usr/a,target=/lower/one,rw \\
  cp /from/group /group && cat /lower/one >/one && echo gone >/lower/one
WORKDIR /not/there/yet
RUN pwd && touch here
RUN <<EOT
  #!/bin/sh
  echo script >/script
EOT
`,
  },
  {
    name: 'file capabilities',
    files: { 'capable.tar': CAPABLE },
    dockerfile: `${LOWER}ADD capable.tar /lower/
ADD capable.tar /lower/dir/
RUN chmod 700 /lower/ping && ln /lower/dir/ping /pong
RUN echo changed >>/lower/ping && chown 3 /lower/dir/ping
`,
  },
  {
    name: 'devices',
    devices: true,
    dockerfile: `${LOWER}RUN mknod /zero c 1 5 && mknod /lower/block b 7 200 && chmod 640 /zero && chown 3:4 /lower/block
RUN rm /zero && mknod /zero c 1 3 && mv /lower/block /block
`,
  },
  {
    name: 'environment',
    dockerfile: `FROM base
ENV A="a b" LD_PRELOAD=/nothing.so NODE_OPTIONS=--bad PATH=/bin:/sbin
WORKDIR /work
RUN umask >/umask; env | grep -v ^HOSTNAME | sort >/env; id >/id; pwd >/pwd; ulimit -n >/dev/null; grep -c . /etc/hosts >/dev/null
USER node
RUN env | grep -v ^HOSTNAME | sort; id; echo "$HOME" >/tmp/home; echo "$0 $*" >/tmp/args
SHELL ["/bin/sh", "-e", "-c"]
RUN echo x >/tmp/x
RUN ["/bin/touch", "/tmp/y z"]
`,
  },
];

/**
 * What steps' layers hold, but for times: by the steps' definitions, which are the same on every rung.
 *
 * @returns their titles, and a line for each entry
 */
export function stepLayers(store: Store): Record<string, { title: string; entries: string[] }> {
  const found: Record<string, { title: string; entries: string[] }> = {};
  for (const { record } of store.records.list()) {
    if (record.definition === record.key) continue;
    const entries = [...store.layers.index(record.layer).entries()].map(line);
    found[record.definition] = { title: record.title, entries };
  }
  return found;
}

function line({ mtime: _, mtimeNs: __, ...entry }: RecipeEntry): string {
  return JSON.stringify(entry, Object.keys(entry).sort());
}
