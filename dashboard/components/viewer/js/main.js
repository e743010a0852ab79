// One viewer: its state lives in the browser, and the server hears of a slice, a map or a window that it must compute.
const REST = 350; // milliseconds on a slice until the server is asked for it

function made(root) {
  const nodes = nodesOf(root);
  const viewer = {
    nodes, data: null, context: nodes.canvas.getContext("2d"), stage: { width: 1, height: 1, ratio: 1, panes: 1 },
    view: { zoom: 1, x: 0, y: 0 }, window: { centre: 0, width: 1 }, preset: 0, inverted: false, tool: "window",
    surfaces: [], urls: "", toned: false, map: "", mapSurfaces: [], mapUrl: "", opacity: 0.6, outlined: true,
    share: 50, beside: false, at: 1, told: null, asked: 1, requested: "", space: false, pending: false, frames: 0, cost: 0, rules: {},
    timer: 0,
  };
  viewer.refresh = () => refreshed(viewer);
  viewer.load = () => loaded(viewer);
  viewer.loadMap = () => loadedMap(viewer);
  viewer.rest = () => rested(viewer);
  viewer.say = () => requestAnimationFrame(() => {
    nodes.said.textContent = [nodes.badge.textContent, nodes.tone.textContent].filter(Boolean).join(". ");
  });
  wire(viewer);
  onPointers(viewer, nodes.stage);
  onWheel(viewer, nodes.stage);
  onKeys(viewer, nodes.stage);
  new ResizeObserver(() => fitted(viewer)).observe(nodes.stage);
  return viewer;
}

function fitted(viewer) {
  const { stage, canvas } = viewer.nodes, ratio = window.devicePixelRatio || 1;
  const panes = panesOf(viewer);
  const width = Math.max(1, stage.clientWidth / panes), height = Math.max(1, stage.clientHeight);
  viewer.stage = { width, height, ratio, panes };
  canvas.width = Math.round(panes * viewer.stage.width * ratio);
  canvas.height = Math.round(viewer.stage.height * ratio);
  if (viewer.data === null) return;
  confined(viewer);
  viewer.refresh();
}

// Many moves between two frames are drawn once.
function refreshed(viewer) {
  if (viewer.pending || viewer.data === null) return;
  viewer.pending = true;
  requestAnimationFrame(() => {
    viewer.pending = false;
    const began = performance.now();
    if (!viewer.toned) tone(viewer);
    drawn(viewer);
    viewer.cost = performance.now() - began;
    shown(viewer);
    told(viewer);
  });
}

function tone(viewer) {
  const falling = viewer.data.falling !== viewer.inverted;
  for (const surface of viewer.surfaces) colour(surface, greysOf(surface.scale, viewer.window, falling));
  viewer.toned = true;
}

// The state, for whoever drives or measures the viewer.
function told(viewer) {
  const { view, window, data } = viewer;
  viewer.frames += 1;
  Object.assign(viewer.nodes.stage.dataset, {
    centre: window.centre, width: window.width, zoom: view.zoom, x: view.x, y: view.y, inverted: viewer.inverted,
    at: viewer.at, map: viewer.mapSurfaces.length === 0 ? "" : viewer.map, opacity: viewer.opacity, share: viewer.share, beside: panesOf(viewer) > 1,
    outlined: data.outline !== null && viewer.outlined, rule: viewer.rules.row?.mm ?? "", frames: viewer.frames,
    cost: viewer.cost, ready: viewer.surfaces.length > 0,
  });
}

// What to show now: the server's pictures, or the small one of a slice that the server has not sent yet.
function wanted({ data, at }) {
  if (data.slices === null || at === data.slices.at) return data.pictures;
  const url = data.slices.previews[at - 1];
  return url ? [{ url, scale: data.slices.scale }] : [];
}

async function loaded(viewer) {
  const pictures = wanted(viewer), urls = pictures.map((each) => each.url).join(" ");
  if (urls === viewer.urls) return;
  viewer.urls = urls;
  try {
    const found = await Promise.all(pictures.map((each) => pictureOf(each.url)));
    if (urls !== viewer.urls) return;
    viewer.surfaces = found.map((picture, i) => ({ ...surfaceOf(picture), scale: pictures[i].scale }));
    waits(viewer, "");
  } catch {
    if (urls !== viewer.urls) return;
    viewer.surfaces = [];
    waits(viewer, viewer.data.words.failed);
  }
  viewer.toned = false;
  viewer.refresh();
}

function waits(viewer, text) {
  viewer.nodes.wait.hidden = text === "";
  viewer.nodes.wait.textContent = text;
}

// Once for a map of a picture: the server says on the page why it could not draw one.
function askForMap(viewer, request) {
  if (viewer.requested === request) {
    viewer.map = "";
    viewer.requested = "";
    waits(viewer, "");
    return;
  }
  viewer.requested = request;
  waits(viewer, viewer.data.words.drawing);
  viewer.tell("map", viewer.map);
}

async function loadedMap(viewer) {
  const map = mapOf(viewer), { data } = viewer;
  const urls = [map?.url, map?.second].filter(Boolean), url = urls.join(" ");
  if (map === null) viewer.map = "";
  if (map !== null && map.url === null) {
    viewer.mapSurfaces = [];
    viewer.mapUrl = "";
    askForMap(viewer, `${data.pictures[0].url} ${map.key}`);
    return;
  }
  if (url === viewer.mapUrl) return;
  viewer.mapUrl = url;
  viewer.mapSurfaces = [];
  waits(viewer, "");
  if (url === "") {
    viewer.refresh();
    return;
  }
  const pictures = await Promise.all(urls.map(pictureOf)).catch(() => null);
  if (url !== viewer.mapUrl) return;
  if (pictures === null) {
    waits(viewer, data.words.failed);
    return;
  }
  viewer.mapSurfaces = pictures.map(surfaceOf);
  for (const surface of viewer.mapSurfaces) colour(surface, paletteOf(map.palette));
  viewer.refresh();
}

function rested(viewer) {
  clearTimeout(viewer.timer);
  viewer.timer = setTimeout(() => {
    if (viewer.at === viewer.asked) return;
    viewer.asked = viewer.at;
    viewer.tell("slice", viewer.at);
  }, REST);
}

// A new scan begins as its file shows it; the next slice, map or answer keeps what the reader has set.
function received(viewer, data) {
  const before = viewer.data;
  viewer.data = data;
  if (before === null || before.subject !== data.subject) {
    Object.assign(viewer, { inverted: false, map: data.shown, share: 50, beside: data.beside, preset: 0, tool: "window", told: null });
    wholeScan(viewer);
  }
  if (before !== null && before.shown !== data.shown) viewer.map = data.shown;
  if (before === null || before.subject !== data.subject || before.windowed !== data.windowed) setPreset(viewer, 0);
  const at = data.slices?.at ?? 1;
  if (at !== viewer.told) {
    clearTimeout(viewer.timer);
    viewer.at = viewer.asked = viewer.told = at;
  }
  worded(viewer);
  if (viewer.stage.panes !== panesOf(viewer)) fitted(viewer);
  confined(viewer);
  viewer.load();
  if (before === null || viewer.map !== "") viewer.loadMap();
  viewer.refresh();
}

export default function ({ parentElement, data, setTriggerValue }) {
  const root = parentElement;
  if (root.viewer?.nodes.stage !== root.querySelector(".stage")) root.viewer = made(root);
  root.viewer.tell = setTriggerValue;
  received(root.viewer, data);
}
