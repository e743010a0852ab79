// What a reader can do, whichever way: a key, a button and the help sheet all name the same action.
const NUDGE = 40; // screen pixels of a press
const TONE = 0.1; // of the window's width, for a press
const LEAP = 10; // slices
const OPACITY_STEP = 0.1;

function setTool(viewer, tool) {
  if (tool === "slices" && !viewer.data.slices) return;
  viewer.tool = tool;
  viewer.refresh();
}

// `across` widens the window and `down` darkens the scan, in shares of the window's width.
function toneBy(viewer, across, down) {
  const { low, high } = viewer.data.scale, span = Math.abs(high - low), { window } = viewer;
  const unit = Math.max(window.width, span / 50);
  const sign = viewer.data.falling !== viewer.inverted ? -1 : 1;
  window.width = bounded(window.width + across * unit, Math.max(1, span / 5000), 4 * span + 1);
  window.centre = bounded(window.centre + sign * down * unit, Math.min(low, high) - span, Math.max(low, high) + span);
  viewer.preset = -1;
  viewer.toned = false;
  viewer.refresh();
}

function setPreset(viewer, number) {
  const preset = viewer.data.presets[number];
  if (!preset) return;
  viewer.preset = number;
  viewer.window = { centre: preset.centre, width: preset.width };
  viewer.toned = false;
  viewer.refresh();
}

function invert(viewer) {
  viewer.inverted = !viewer.inverted;
  viewer.toned = false;
  viewer.refresh();
}

function reset(viewer) {
  viewer.inverted = false;
  wholeScan(viewer);
  setPreset(viewer, 0);
}

function zoomBy(viewer, factor) {
  zoomAt(viewer, factor, viewer.stage.width / 2, viewer.stage.height / 2);
  viewer.refresh();
}

function nudge(viewer, across, down) {
  moveBy(viewer, across * NUDGE, down * NUDGE);
  viewer.refresh();
}

function showWhole(viewer) {
  wholeScan(viewer);
  viewer.refresh();
}

// The slice before is known as a small picture; the server is asked for the whole one when the reader rests.
function goTo(viewer, number) {
  const { slices } = viewer.data;
  const next = slices ? bounded(number, 1, slices.texts.length) : viewer.at;
  if (next === viewer.at) return;
  viewer.at = next;
  viewer.rest();
  viewer.load();
  viewer.refresh();
}

function blink(viewer) {
  if (viewer.data.pictures.length < 2) return;
  viewer.share = viewer.share >= 50 ? 0 : 100;
  viewer.refresh();
}

function toggleBeside(viewer) {
  if (viewer.data.pictures.length < 2) return;
  viewer.beside = !viewer.beside;
  fitted(viewer);
}

function setShare(viewer, share) {
  viewer.share = bounded(share, 0, 100);
  viewer.refresh();
}

// "" shows no map. One that has not been computed yet is asked for, and shown when it comes.
function setMap(viewer, key) {
  viewer.map = key;
  viewer.loadMap();
  viewer.refresh();
}

function nextMap(viewer) {
  const keys = ["", ...viewer.data.maps.map((each) => each.key)];
  setMap(viewer, keys[(keys.indexOf(viewer.map) + 1) % keys.length]);
}

function setOpacity(viewer, opacity) {
  viewer.opacity = bounded(opacity, 0, 1);
  viewer.refresh();
}

function toggleOutline(viewer) {
  viewer.outlined = !viewer.outlined;
  viewer.refresh();
}

const volume = (viewer) => viewer.data.slices !== null;
const pair = (viewer) => viewer.data.pictures.length > 1;
const swiped = (viewer) => pair(viewer) && !viewer.beside;
const mapped = (viewer) => viewer.data.maps.length > 0;
const cropped = (viewer) => viewer.data.outline !== null;

// `keys` as KeyboardEvent.key gives them, letters in lower case; `when` says for which scans there is such an action.
const ACTIONS = [
  { name: "slice_back", keys: ["ArrowLeft", "ArrowDown"], when: volume, run: (v) => goTo(v, v.at - 1) },
  { name: "slice_on", keys: ["ArrowRight", "ArrowUp"], when: volume, run: (v) => goTo(v, v.at + 1) },
  { name: "leap_back", keys: ["PageUp"], when: volume, run: (v) => goTo(v, v.at - LEAP) },
  { name: "leap_on", keys: ["PageDown"], when: volume, run: (v) => goTo(v, v.at + LEAP) },
  { name: "first_slice", keys: ["Home"], when: volume, run: (v) => goTo(v, 1) },
  { name: "last_slice", keys: ["End"], when: volume, run: (v) => goTo(v, v.data.slices.texts.length) },
  { name: "brighter", keys: ["q"], run: (v) => toneBy(v, 0, -TONE) },
  { name: "darker", keys: ["a"], run: (v) => toneBy(v, 0, TONE) },
  { name: "more_contrast", keys: ["e"], run: (v) => toneBy(v, -TONE, 0) },
  { name: "less_contrast", keys: ["d"], run: (v) => toneBy(v, TONE, 0) },
  { name: "next_preset", keys: ["p"], run: (v) => setPreset(v, (v.preset + 1) % v.data.presets.length) },
  { name: "invert", keys: ["i"], run: invert },
  { name: "closer", keys: ["+", "="], run: (v) => zoomBy(v, 1.5) },
  { name: "farther", keys: ["-"], run: (v) => zoomBy(v, 1 / 1.5) },
  { name: "whole", keys: ["0"], run: showWhole },
  { name: "left", keys: ["ArrowLeft"], shift: true, run: (v) => nudge(v, 1, 0) },
  { name: "right", keys: ["ArrowRight"], shift: true, run: (v) => nudge(v, -1, 0) },
  { name: "up", keys: ["ArrowUp"], shift: true, run: (v) => nudge(v, 0, 1) },
  { name: "down", keys: ["ArrowDown"], shift: true, run: (v) => nudge(v, 0, -1) },
  { name: "next_map", keys: ["m"], when: mapped, run: nextMap },
  { name: "fainter", keys: ["z"], when: mapped, run: (v) => setOpacity(v, v.opacity - OPACITY_STEP) },
  { name: "stronger", keys: ["x"], when: mapped, run: (v) => setOpacity(v, v.opacity + OPACITY_STEP) },
  { name: "outline", keys: ["o"], when: cropped, run: toggleOutline },
  { name: "blink", keys: ["b"], when: swiped, run: blink },
  { name: "beside", keys: ["c"], when: pair, run: toggleBeside },
  { name: "reset", keys: ["r"], run: reset },
  { name: "help", keys: ["?", "h"], run: (v) => v.nodes.help.showModal() },
];

function actionOf(viewer, event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return null;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const arrow = event.key.startsWith("Arrow");
  const found = ACTIONS.filter((each) => each.keys.includes(key) && (each.when?.(viewer) ?? true));
  // Without slices to step through, the arrows alone move the scan.
  return found.find((each) => !arrow || Boolean(each.shift) === event.shiftKey) ?? (arrow ? found[0] : null) ?? null;
}
