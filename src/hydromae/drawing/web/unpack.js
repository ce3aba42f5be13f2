// Reads what hydromae/drawing/packing.py wrote.

/** Half precision to numbers, by table: not every browser has Float16Array. */
const halves = (() => {
  const table = new Float32Array(65536);
  for (let code = 0; code < 65536; code++) {
    const exponent = (code >> 10) & 31, fraction = code & 1023;
    const size = exponent === 0 ? fraction * 2 ** -24 : exponent === 31 ? NaN : (1 + fraction / 1024) * 2 ** (exponent - 15);
    table[code] = code & 0x8000 ? -size : size;
  }
  return table;
})();

/** The description in the element of this id with its arrays by name; null where the page has none. */
async function unpack(id) {
  const holder = document.getElementById(id);
  return holder ? unpackText(holder.textContent.trim()) : null;
}

/** The same of a text. */
async function unpackText(content) {
  const packed = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const whole = new Uint8Array(await new Response(stream).arrayBuffer());
  const length = new DataView(whole.buffer).getUint32(0, true);
  const description = JSON.parse(new TextDecoder().decode(whole.subarray(4, 4 + length)));
  let at = 4 + length;
  const values = {};
  for (const { name, kind, shape } of description.arrays) {
    const count = shape.reduce((product, size) => product * size, 1);
    if (kind === "u1") {
      values[name] = whole.subarray(at, at + count);
      at += count;
    } else {
      const numbers = new Float32Array(count);
      for (let place = 0; place < count; place++) numbers[place] = halves[(whole[at + place] << 8) | whole[at + count + place]];
      values[name] = numbers;
      at += 2 * count;
    }
  }
  return { ...description, values };
}
