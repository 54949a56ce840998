import { bytes, integer, list, longInteger, map, message, nested, text, time } from './message.ts';

// Messages of containerd's content service, through which blobs come and go.

export const WRITE = { stat: 0, write: 1, commit: 2 } as const;

const info = message({
  digest: text(1),
  size: integer(2),
  createdAt: time(3),
  updatedAt: time(4),
  labels: map(5, text),
});

export const infoRequest = message({ digest: text(1) });
export const infoResponse = message({ info: nested(1, info) });

export const updateRequest = message({ info: nested(1, info) });
export const updateResponse = message({ info: nested(1, info) });

export const readRequest = message({ digest: text(1), offset: integer(2), size: integer(3) });
export const readResponse = message({ offset: integer(1), data: bytes(2) });

const writeStatus = message({
  startedAt: time(1),
  updatedAt: time(2),
  ref: text(3),
  offset: integer(4),
  total: integer(5),
  expected: text(6),
});

export const statusRequest = message({ ref: text(1) });
export const statusResponse = message({ status: nested(1, writeStatus) });

export const listStatusesRequest = message({ filters: list(text(1)) });
export const listStatusesResponse = message({ statuses: list(nested(1, writeStatus)) });

export const writeRequest = message({
  action: integer(1),
  ref: text(2),
  total: integer(3),
  expected: text(4),
  offset: longInteger(5),
  data: bytes(6),
  labels: map(7, text),
});
export const writeResponse = message({
  action: integer(1),
  startedAt: time(2),
  updatedAt: time(3),
  offset: integer(4),
  total: integer(5),
  digest: text(6),
});

export const abortRequest = message({ ref: text(1) });
export const abortResponse = message({});
