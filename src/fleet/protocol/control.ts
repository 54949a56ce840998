import { bytes, integer, list, map, message, nested, text, time } from './message.ts';

// The service moby.buildkit.v1.Control, of which a client calls five methods.

export const SERVICE = 'moby.buildkit.v1.Control';

const platform = message({
  architecture: text(1),
  os: text(2),
  variant: text(3),
});

const buildkitVersion = message({ version: text(2) });

const workerRecord = message({
  id: text(1),
  labels: map(2, text),
  platforms: list(nested(3, platform)),
});

export const infoRequest = message({});
export const infoResponse = message({ version: nested(1, buildkitVersion) });

export const listWorkersRequest = message({});
export const listWorkersResponse = message({ workers: list(nested(1, workerRecord)) });

export const solveRequest = message({
  ref: text(1),
  exporter: text(3),
  exporterAttrs: map(4, text),
  session: text(5),
  frontend: text(6),
  frontendAttrs: map(7, text),
  entitlements: list(text(9)),
});
export const solveResponse = message({ exporterResponse: map(1, text) });

export const statusRequest = message({ ref: text(1) });

const vertex = message({ name: text(3), started: time(5) });
const vertexLog = message({ stream: integer(3), data: bytes(4) });

/** A part of the progress of a solve: steps that changed, and their output. */
export const statusResponse = message({
  vertices: list(nested(1, vertex)),
  logs: list(nested(3, vertexLog)),
});

/** A piece of a byte stream. */
export const bytesMessage = message({ data: bytes(1) });
