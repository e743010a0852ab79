// One frame of the stage: scan, second picture, map, outline, ruler.
const DASH = [6, 4];
const RULE_MARGIN = 14;

function drawn(viewer) {
  const { context, stage } = viewer, ratio = stage.ratio;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.fillStyle = "#000";
  context.fillRect(0, 0, panesOf(viewer) * stage.width, stage.height);
  if (panesOf(viewer) > 1) sideBySide(viewer);
  else oneOverTheOther(viewer);
}

function oneOverTheOther(viewer) {
  const { context, stage, share } = viewer, second = viewer.surfaces.length > 1;
  layer(viewer, 0);
  if (second && share > 0) {
    clipped(context, edgeOf(viewer), stage.height, () => layer(viewer, 1));
    if (share < 100) edge(viewer);
  }
  marks(viewer);
}

function sideBySide(viewer) {
  const { context, stage } = viewer, { width, height, ratio } = stage;
  for (const pane of [0, 1]) {
    context.setTransform(ratio, 0, 0, ratio, pane * width * ratio, 0);
    clipped(context, width, height, () => {
      layer(viewer, pane);
      marks(viewer);
    });
  }
  stroked(context, [], () => {
    context.moveTo(0, 0);
    context.lineTo(0, height);
  });
}

function clipped(context, width, height, paint) {
  context.save();
  context.beginPath();
  context.rect(0, 0, width, height);
  context.clip();
  paint();
  context.restore();
}

// A picture with its own map; one without has the first one's.
function layer(viewer, number) {
  const surface = viewer.surfaces[number];
  if (surface) place(viewer, surface.canvas);
  const found = viewer.map === "" ? null : viewer.mapSurfaces[number] ?? viewer.mapSurfaces[0];
  if (found) map(viewer, found);
}

function marks(viewer) {
  if (viewer.data.outline && viewer.outlined) outline(viewer);
  rulers(viewer);
}

function place(viewer, canvas) {
  const { width, height } = viewer.data.size, scale = scaleOf(viewer);
  const [left, top] = toStage(viewer, 0, 0);
  viewer.context.imageSmoothingEnabled = scale * (width / canvas.width) < 4; // nearer, the pixels themselves
  viewer.context.drawImage(canvas, left, top, width * scale, height * scale);
}

// A map covers the part of the scan that the model saw.
function map(viewer, surface) {
  const { context } = viewer, { width, height } = viewer.data.size;
  const box = viewer.data.mapped ?? { left: 0, top: 0, right: width, bottom: height };
  const [left, top] = toStage(viewer, box.left, box.top), [right, bottom] = toStage(viewer, box.right, box.bottom);
  context.globalAlpha = viewer.opacity;
  context.imageSmoothingEnabled = true;
  context.drawImage(surface.canvas, left, top, right - left, bottom - top);
  context.globalAlpha = 1;
}

function edgeOf(viewer) {
  const { width } = viewer.data.size;
  const [left] = toStage(viewer, 0, 0), [right] = toStage(viewer, width, 0);
  return left + ((right - left) * viewer.share) / 100;
}

function edge(viewer) {
  const { context, stage } = viewer, x = edgeOf(viewer);
  stroked(context, [], () => {
    context.moveTo(x, 0);
    context.lineTo(x, stage.height);
  });
}

function outline(viewer) {
  const { box } = viewer.data.outline;
  const [left, top] = toStage(viewer, box.left, box.top), [right, bottom] = toStage(viewer, box.right, box.bottom);
  stroked(viewer.context, DASH, () => viewer.context.rect(left + 1, top + 1, right - left - 2, bottom - top - 2));
}

// Light on dark, so that a line shows on every grey.
function stroked(context, dash, path) {
  for (const [colourOf, width, pattern] of [["rgba(0, 0, 0, 0.75)", 4, []], ["#ffd24a", 1.75, dash]]) {
    context.beginPath();
    context.setLineDash(pattern);
    context.strokeStyle = colourOf;
    context.lineWidth = width;
    path();
    context.stroke();
  }
  context.setLineDash([]);
}

// A length is written only along a side whose spacing the file tells.
function rulers(viewer) {
  const { spacing } = viewer.data, { stage } = viewer, scale = scaleOf(viewer);
  viewer.rules = { row: null, column: null };
  if (spacing.row !== null) {
    const rule = ruleOf(scale / spacing.row);
    if (rule) upright(viewer, rule, stage.width - RULE_MARGIN, stage.height - 2 * RULE_MARGIN);
    viewer.rules.row = rule;
  }
  if (spacing.column !== null) {
    const rule = ruleOf(scale / spacing.column);
    if (rule) level(viewer, rule, stage.width - 3 * RULE_MARGIN, stage.height - RULE_MARGIN);
    viewer.rules.column = rule;
  }
}

function upright(viewer, { mm, length }, x, bottom) {
  const { context } = viewer;
  stroked(context, [], () => {
    context.moveTo(x - 4, bottom);
    context.lineTo(x + 4, bottom);
    context.moveTo(x, bottom);
    context.lineTo(x, bottom - length);
    context.moveTo(x - 4, bottom - length);
    context.lineTo(x + 4, bottom - length);
  });
  lettered(context, lengthWords(mm), x - 8, bottom - length / 2);
}

function level(viewer, { mm, length }, right, y) {
  const { context } = viewer;
  stroked(context, [], () => {
    context.moveTo(right, y - 4);
    context.lineTo(right, y + 4);
    context.moveTo(right, y);
    context.lineTo(right - length, y);
    context.moveTo(right - length, y - 4);
    context.lineTo(right - length, y + 4);
  });
  lettered(context, lengthWords(mm), right, y - 12);
}

function lengthWords(mm) {
  return mm < 1 ? `${Math.round(mm * 1000)} µm` : `${mm} mm`;
}

function lettered(context, text, right, middle) {
  context.font = "12px system-ui, sans-serif";
  context.textAlign = "right";
  context.textBaseline = "middle";
  context.lineWidth = 3;
  context.strokeStyle = "#000";
  context.strokeText(text, right, middle);
  context.fillStyle = "#fff";
  context.fillText(text, right, middle);
}
