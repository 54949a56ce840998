import { bytes, flag, integer, list, map, message, nested, text, time } from './message.ts';

// The service moby.buildkit.v1.Control, of which a client calls five methods.

export const SERVICE = 'moby.buildkit.v1.Control';

const platform = message({
  architecture: text(1),
  os: text(2),
  variant: text(3),
});

const buildkitVersion = message({ package: text(1), version: text(2), revision: text(3) });

const workerRecord = message({
  id: text(1),
  labels: map(2, text),
  platforms: list(nested(3, platform)),
  version: nested(5, buildkitVersion),
});

export const infoRequest = message({});
export const infoResponse = message({ version: nested(1, buildkitVersion) });

export const listWorkersRequest = message({ filter: list(text(1)) });
export const listWorkersResponse = message({ workers: list(nested(1, workerRecord)) });

const cacheEntry = message({ type: text(1), attrs: map(2, text) });

export const solveRequest = message({
  ref: text(1),
  exporter: text(3),
  exporterAttrs: map(4, text),
  session: text(5),
  frontend: text(6),
  frontendAttrs: map(7, text),
  cache: nested(8, message({ exports: list(nested(4, cacheEntry)), imports: list(nested(5, cacheEntry)) })),
  entitlements: list(text(9)),
});
export const solveResponse = message({ exporterResponse: map(1, text) });

export const statusRequest = message({ ref: text(1) });

const vertex = message({
  digest: text(1),
  inputs: list(text(2)),
  name: text(3),
  cached: flag(4),
  started: time(5),
  completed: time(6),
  error: text(7),
});

const vertexStatus = message({
  id: text(1),
  vertex: text(2),
  name: text(3),
  current: integer(4),
  total: integer(5),
  started: time(7),
  completed: time(8),
});

const vertexLog = message({ vertex: text(1), stream: integer(3), data: bytes(4) });

const sourceInfo = message({ filename: text(1) });
const position = message({ line: integer(1), character: integer(2) });
const range = message({ start: nested(1, position), end: nested(2, position) });

const vertexWarning = message({
  vertex: text(1),
  level: integer(2),
  short: bytes(3),
  detail: list(bytes(4)),
  url: text(5),
  info: nested(6, sourceInfo),
  ranges: list(nested(7, range)),
});

/** A part of the progress of a solve: vertices that changed, their transfers, their output. */
export const statusResponse = message({
  vertices: list(nested(1, vertex)),
  statuses: list(nested(2, vertexStatus)),
  logs: list(nested(3, vertexLog)),
  warnings: list(nested(4, vertexWarning)),
});

/** A piece of a byte stream. */
export const bytesMessage = message({ data: bytes(1) });
