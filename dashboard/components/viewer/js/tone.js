// From values to colours: a window for the scan, a palette for a map.
const OPAQUE = 0xff000000;

// One colour for each stored value, as little-endian RGBA. The ramp is LINEAR of DICOM PS3.3 C.11.2.1.2.1, as the
// reader of files applies it; `falling` is a scan whose low values are bright.
function greysOf(scale, window, falling) {
  const greys = new Uint32Array(scale.top + 1);
  const width = Math.max(window.width - 1, 1e-6), lowest = window.centre - 0.5 - width / 2;
  const step = (scale.high - scale.low) / scale.top;
  for (let value = 0; value <= scale.top; value += 1) {
    const share = (scale.low + value * step - lowest) / width;
    const bright = Math.min(1, Math.max(0, falling ? 1 - share : share));
    const grey = Math.round(255 * bright);
    greys[value] = OPAQUE | (grey << 16) | (grey << 8) | grey;
  }
  return greys;
}

// A palette in the same form, from "#rrggbb".
function paletteOf(colours) {
  return Uint32Array.from(colours, (colour) => {
    const number = parseInt(colour.slice(1), 16);
    return OPAQUE | ((number & 255) << 16) | (number & 0xff00) | (number >> 16);
  });
}

// A canvas of a picture's own size, and what is needed to colour it again without asking for memory.
function surfaceOf(picture) {
  const canvas = document.createElement("canvas");
  canvas.width = picture.width;
  canvas.height = picture.height;
  const context = canvas.getContext("2d");
  const image = context.createImageData(picture.width, picture.height);
  return { canvas, context, image, pixels: new Uint32Array(image.data.buffer), picture };
}

function colour(surface, table) {
  const { values } = surface.picture, { pixels } = surface, last = table.length - 1;
  for (let i = 0; i < values.length; i += 1) pixels[i] = table[values[i] > last ? last : values[i]];
  surface.context.putImageData(surface.image, 0, 0);
}
