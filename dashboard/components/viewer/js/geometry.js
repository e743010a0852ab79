// Where the scan lies on the stage. A view is a zoom (1 shows the whole scan) and the scan's point in the middle (x, y).
const MOST_ZOOM = 24;

function bounded(value, low, high) {
  return Math.min(high, Math.max(low, value));
}

function fitOf(size, stage) {
  return Math.min(stage.width / size.width, stage.height / size.height);
}

// Screen pixels of a scan's pixel.
function scaleOf(viewer) {
  return fitOf(viewer.data.size, viewer.stage) * viewer.view.zoom;
}

// Two pictures side by side have half of the stage each; both show the same part of the scan.
function panesOf(viewer) {
  return viewer.beside && viewer.data !== null && viewer.data.pictures.length > 1 ? 2 : 1;
}

// A place of the stage as one of the pane that it lies in.
function inPane(viewer, x) {
  return x >= viewer.stage.width && panesOf(viewer) > 1 ? x - viewer.stage.width : x;
}

// The scan never leaves the stage: along a side that fits, it stays in the middle.
function confined(viewer) {
  const { view, stage } = viewer, { size } = viewer.data, scale = scaleOf(viewer);
  for (const [axis, side] of [["x", "width"], ["y", "height"]]) {
    const half = stage[side] / 2 / scale;
    view[axis] = 2 * half >= size[side] ? size[side] / 2 : bounded(view[axis], half, size[side] - half);
  }
}

function toStage(viewer, x, y) {
  const scale = scaleOf(viewer);
  return [viewer.stage.width / 2 + (x - viewer.view.x) * scale, viewer.stage.height / 2 + (y - viewer.view.y) * scale];
}

function toScan(viewer, x, y) {
  const scale = scaleOf(viewer);
  return [viewer.view.x + (x - viewer.stage.width / 2) / scale, viewer.view.y + (y - viewer.stage.height / 2) / scale];
}

// Zoom so that the point under (x, y) of the stage stays where it is.
function zoomAt(viewer, factor, x, y) {
  const [left, top] = toScan(viewer, x, y);
  viewer.view.zoom = bounded(viewer.view.zoom * factor, 1, MOST_ZOOM);
  const scale = scaleOf(viewer);
  viewer.view.x = left - (x - viewer.stage.width / 2) / scale;
  viewer.view.y = top - (y - viewer.stage.height / 2) / scale;
  confined(viewer);
}

function moveBy(viewer, across, down) {
  const scale = scaleOf(viewer);
  viewer.view.x -= across / scale;
  viewer.view.y -= down / scale;
  confined(viewer);
}

function wholeScan(viewer) {
  const { size } = viewer.data;
  viewer.view = { zoom: 1, x: size.width / 2, y: size.height / 2 };
}

// A round length in millimetres that is 40 to 120 screen pixels long, and how long it is.
function ruleOf(pixelsPerMm) {
  for (let power = -3; power < 4; power += 1) {
    for (const digit of [1, 2, 5]) {
      const mm = digit * 10 ** power, length = mm * pixelsPerMm;
      if (length >= 40 && length <= 120) return { mm, length };
    }
  }
  return null;
}
