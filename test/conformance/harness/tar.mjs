// Reads tars into memory. Written apart from Jettison's own reader, which is among what is judged.

/**
 * @typedef {object} Member
 * @property {string} path without leading and trailing slashes
 * @property {string} type the header's type flag
 * @property {number} mode
 * @property {number} uid
 * @property {number} gid
 * @property {number} mtime whole seconds
 * @property {string} link
 * @property {string} device `major:minor`
 * @property {Record<string, string>} xattrs values in hexadecimal
 * @property {Buffer} data
 */

/** @param {Buffer} bytes @returns {Generator<Member>} */
export function* readTar(bytes) {
  let pax = new Map();
  const global = new Map();
  for (let at = 0; at + 512 <= bytes.length; ) {
    const header = bytes.subarray(at, at + 512);
    // A name may be in the pax records alone: only a block of zeros is the end.
    if (header.every((byte) => byte === 0)) break;
    const type = String.fromCharCode(header[156]);
    const own = pax.get('size') ?? global.get('size');
    const size = own !== undefined && !'xgLK'.includes(type) ? Number(own) : number(header, 124, 12);
    const data = bytes.subarray(at + 512, at + 512 + size);
    at += 512 + Math.ceil(size / 512) * 512;
    if (type === 'x') pax = records(data, pax);
    else if (type === 'g') records(data, global);
    else if (type === 'L') pax.set('path', text(data));
    else if (type === 'K') pax.set('linkpath', text(data));
    else {
      yield member(header, type, data, new Map([...global, ...pax]));
      pax = new Map();
    }
  }
}

function member(header, type, data, pax) {
  const prefix = header.toString('latin1', 257, 262) === 'ustar' ? text(header.subarray(345, 500)) : '';
  const path = pax.get('path') ?? (prefix ? `${prefix}/` : '') + text(header.subarray(0, 100));
  const xattrs = {};
  for (const [key, value] of pax) {
    const match = /^SCHILY\.xattr\.(.*)$/.exec(key);
    if (match) xattrs[match[1]] = Buffer.from(value, 'latin1').toString('hex');
  }
  return {
    path: path.replace(/^(\.?\/)+|^\.$/g, '').replace(/\/+$/, ''),
    type: type === '\0' ? '0' : type,
    mode: number(header, 100, 8) & 0o7777,
    uid: Number(pax.get('uid') ?? number(header, 108, 8)),
    gid: Number(pax.get('gid') ?? number(header, 116, 8)),
    mtime: Math.floor(Number(pax.get('mtime') ?? number(header, 136, 12))),
    link: pax.get('linkpath') ?? text(header.subarray(157, 257)),
    device: `${number(header, 329, 8)}:${number(header, 337, 8)}`,
    xattrs,
    data,
  };
}

/** Octal digits, or base 256 when the highest bit is set. */
function number(header, at, length) {
  if (header[at] & 0x80) return Number(BigInt(`0x${header.toString('hex', at + 1, at + length)}`));
  return Number.parseInt(text(header.subarray(at, at + length)).trim() || '0', 8);
}

function records(data, into) {
  for (let at = 0; at < data.length; ) {
    const blank = data.indexOf(' ', at);
    const end = at + Number(data.toString('latin1', at, blank));
    const equals = data.indexOf('=', blank);
    const key = data.toString('utf8', blank + 1, equals);
    const encoding = key.startsWith('SCHILY.xattr.') ? 'latin1' : 'utf8';
    into.set(key, data.toString(encoding, equals + 1, end - 1));
    at = end;
  }
  return into;
}

function text(bytes) {
  const nul = bytes.indexOf(0);
  return bytes.toString('utf8', 0, nul < 0 ? bytes.length : nul);
}
