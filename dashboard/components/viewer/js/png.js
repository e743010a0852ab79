// Grey PNG of 8 or 16 bits. A browser's own decoder keeps eight bits of each value; here a window can reach all of them.
const REMEMBERED = 6; // pictures

async function inflated(parts) {
  const stream = new Blob(parts).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function paeth(left, above, corner) {
  const toLeft = Math.abs(above - corner), toAbove = Math.abs(left - corner);
  const toCorner = Math.abs(left + above - 2 * corner);
  if (toLeft <= toAbove && toLeft <= toCorner) return left;
  return toAbove <= toCorner ? above : corner;
}

// Undo the filter of each row in place (PNG 1.2, section 6); `step` is the bytes of one value.
function unfiltered(raw, height, stride, step) {
  const out = new Uint8Array(height * stride);
  for (let row = 0; row < height; row += 1) {
    const filter = raw[row * (stride + 1)], from = row * (stride + 1) + 1, to = row * stride, before = to - stride;
    for (let i = 0; i < stride; i += 1) {
      const left = i >= step ? out[to + i - step] : 0;
      const above = row > 0 ? out[before + i] : 0;
      let value = raw[from + i];
      if (filter === 1) value += left;
      else if (filter === 2) value += above;
      else if (filter === 3) value += (left + above) >> 1;
      else if (filter === 4) value += paeth(left, above, row > 0 && i >= step ? out[before + i - step] : 0);
      out[to + i] = value;
    }
  }
  return out;
}

function sixteen(bytes) {
  const values = new Uint16Array(bytes.length / 2);
  for (let i = 0; i < values.length; i += 1) values[i] = (bytes[2 * i] << 8) | bytes[2 * i + 1];
  return values;
}

// {width, height, values}: one value a pixel, row by row.
async function decodedPng(buffer) {
  const bytes = new Uint8Array(buffer), view = new DataView(buffer);
  const parts = [];
  let width = 0, height = 0, depth = 0;
  for (let at = 8; at + 8 <= bytes.length;) {
    const length = view.getUint32(at), kind = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (kind === "IHDR") {
      width = view.getUint32(at + 8);
      height = view.getUint32(at + 12);
      depth = bytes[at + 16];
      if (bytes[at + 17] !== 0 || (depth !== 8 && depth !== 16)) throw new Error("not a grey PNG of 8 or 16 bits");
    } else if (kind === "IDAT") parts.push(bytes.subarray(at + 8, at + 8 + length));
    at += 12 + length;
  }
  const step = depth / 8;
  const found = unfiltered(await inflated(parts), height, width * step, step);
  return { width, height, values: depth === 16 ? sixteen(found) : found };
}

// A small picture of a slice, as the browser decodes it.
async function decodedJpeg(blob) {
  const bitmap = await createImageBitmap(blob);
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext("2d");
  context.drawImage(bitmap, 0, 0);
  const colours = context.getImageData(0, 0, bitmap.width, bitmap.height).data;
  const values = new Uint8Array(bitmap.width * bitmap.height);
  for (let i = 0; i < values.length; i += 1) values[i] = colours[4 * i];
  return { width: bitmap.width, height: bitmap.height, values };
}

async function fetched(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
  const blob = await answer.blob();
  return blob.type === "image/jpeg" ? decodedJpeg(blob) : decodedPng(await blob.arrayBuffer());
}

const known = new Map();

// The picture behind an address; the last few are remembered, and one that failed is asked for again.
function pictureOf(url) {
  const held = known.get(url) ?? fetched(url);
  known.delete(url);
  known.set(url, held);
  held.catch(() => known.delete(url));
  if (known.size > REMEMBERED) known.delete(known.keys().next().value);
  return held;
}
