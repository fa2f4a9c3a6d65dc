// A ZIP archive of files that are packed already (JPEG), made in the browser: stored, not compressed (APPNOTE 4.3).
const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit++) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1;
  return n >>> 0;
});
const crc32 = (bytes) => {
  let sum = 0xffffffff;
  for (const byte of bytes) sum = TABLE[(sum ^ byte) & 255] ^ (sum >>> 8);
  return (sum ^ 0xffffffff) >>> 0;
};
const numbers = (...fields) => {  // [bytes, value], little-endian
  const view = new DataView(new ArrayBuffer(fields.reduce((sum, [bytes]) => sum + bytes, 0)));
  let place = 0;
  for (const [bytes, value] of fields) {
    if (bytes === 2) view.setUint16(place, value, true);
    else view.setUint32(place, value, true);
    place += bytes;
  }
  return new Uint8Array(view.buffer);
};

// `files` are pairs of a name and its bytes.
export const zip = (files) => {
  const parts = [], directory = [];
  let place = 0;
  for (const [name, bytes] of files) {
    const named = new TextEncoder().encode(name);
    // Version 2.0, names in UTF-8, stored, 1 January 1980: when the photo was taken is nobody's business.
    const about = [[2, 20], [2, 0x800], [2, 0], [2, 0], [2, 33], [4, crc32(bytes)], [4, bytes.length], [4, bytes.length],
      [2, named.length], [2, 0]];
    const head = numbers([4, 0x04034b50], ...about);
    parts.push(head, named, bytes);
    directory.push(numbers([4, 0x02014b50], [2, 20], ...about, [2, 0], [2, 0], [2, 0], [4, 0], [4, place]), named);
    place += head.length + named.length + bytes.length;
  }
  const length = directory.reduce((sum, part) => sum + part.length, 0);
  const end = numbers([4, 0x06054b50], [2, 0], [2, 0], [2, files.length], [2, files.length], [4, length], [4, place], [2, 0]);
  return new Blob([...parts, ...directory, end], { type: 'application/zip' });
};
