// The controls around the stage: their words, what they do, and what they show of the state.
const KEY_NAMES = {
  ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", PageUp: "Page Up", PageDown: "Page Down",
};

function filled(sentence, values) {
  return sentence.replace(/\{(\w+)\}/g, (place, name) => (name in values ? String(values[name]) : place));
}

function short(number) {
  return Math.abs(number) >= 100 ? String(Math.round(number)) : String(Number(number.toPrecision(3)));
}

function nodesOf(root) {
  const find = (name) => root.querySelector(name);
  const names = [
    "viewer", "stage", "canvas", "badge", "tone", "legend", "wait", "meaning", "said", "help", "invert", "preset",
    "reset", "helper", "farther", "closer", "whole", "map", "opacity", "outline", "share", "blink", "beside", "reread",
    "mapping",
    "fading", "outlining", "sharing", "close",
  ];
  const nodes = Object.fromEntries(names.map((name) => [name, find(`.${name}`)]));
  return { ...nodes, tools: [...root.querySelectorAll(".tool")], from: find(".side.from"), to: find(".side.to") };
}

function optionsOf(select, pairs) {
  const wanted = JSON.stringify(pairs);
  if (select.dataset.options === wanted) return; // an open list stays open
  select.dataset.options = wanted;
  select.replaceChildren(...pairs.map(([value, text]) => new Option(text, value)));
}

function wire(viewer) {
  const { nodes } = viewer;
  for (const tool of nodes.tools) tool.onclick = () => setTool(viewer, tool.dataset.tool);
  nodes.closer.onclick = () => zoomBy(viewer, 1.5);
  nodes.farther.onclick = () => zoomBy(viewer, 1 / 1.5);
  nodes.whole.onclick = () => showWhole(viewer);
  nodes.invert.onclick = () => invert(viewer);
  nodes.preset.onchange = () => setPreset(viewer, Number(nodes.preset.value));
  nodes.reset.onclick = () => reset(viewer);
  nodes.helper.onclick = () => nodes.help.showModal();
  nodes.close.onclick = () => nodes.help.close();
  nodes.map.onchange = () => setMap(viewer, nodes.map.value);
  nodes.opacity.oninput = () => setOpacity(viewer, Number(nodes.opacity.value) / 100);
  nodes.outline.onchange = () => toggleOutline(viewer);
  nodes.share.oninput = () => setShare(viewer, Number(nodes.share.value));
  nodes.blink.onclick = () => blink(viewer);
  nodes.beside.onclick = () => toggleBeside(viewer);
  nodes.reread.onclick = () => viewer.tell("window", [viewer.window.centre, viewer.window.width]);
  nodes.viewer.onkeydown = (event) => event.stopPropagation(); // letters typed here are no keys of Streamlit's
}

// What changes only when the server sends something new.
function worded(viewer) {
  const { nodes, data } = viewer, { words } = data;
  nodes.viewer.setAttribute("aria-label", words.label);
  nodes.viewer.style.setProperty("--spare", data.spare);
  nodes.viewer.style.setProperty("--most", data.most);
  nodes.viewer.querySelector(".bar").setAttribute("aria-label", words.toolbar);
  nodes.stage.setAttribute("aria-label", `${words.stage} ${words.hint}`);
  for (const tool of nodes.tools) tool.textContent = words[`tool_${tool.dataset.tool}`];
  nodes.tools[2].hidden = data.slices === null;
  for (const name of ["whole", "invert", "reset", "blink", "beside", "reread", "close"]) nodes[name].textContent = words[name];
  for (const name of ["closer", "farther", "helper"]) {
    nodes[name].setAttribute("aria-label", words[name]);
    nodes[name].title = words[name];
  }
  nodes.preset.setAttribute("aria-label", words.preset);
  nodes.preset.hidden = data.presets.length < 2;
  optionsOf(nodes.preset, [["-1", words.own_window], ...data.presets.map((each, i) => [String(i), each.name])]);
  nodes.mapping.firstElementChild.textContent = words.map;
  optionsOf(nodes.map, [["", words.no_map], ...data.maps.map((each) => [each.key, each.title])]);
  nodes.fading.firstElementChild.textContent = words.opacity;
  nodes.outlining.lastElementChild.textContent = words.outline;
  nodes.sharing.firstElementChild.textContent = words.share;
  nodes.mapping.hidden = data.maps.length === 0;
  nodes.outlining.hidden = data.outline === null;
  nodes.beside.hidden = data.pictures.length < 2;
  helpOf(viewer);
}

function helpOf(viewer) {
  const { nodes, data } = viewer, { words } = data;
  const gestures = data.slices ? words.gestures_volume : words.gestures;
  const rows = Object.entries(gestures).map(([what, does]) => [what, does]);
  for (const action of ACTIONS) {
    if (!(action.when?.(viewer) ?? true)) continue;
    const arrow = action.shift && data.slices;
    const keys = action.keys.map((key) => (arrow ? `${words.shift} ` : "") + (KEY_NAMES[key] ?? key.toUpperCase()));
    rows.push([keys.join(", "), words.actions[action.name]]);
  }
  nodes.help.querySelector("h2").textContent = words.help_title;
  nodes.help.setAttribute("aria-label", words.help_title);
  nodes.help.querySelector("dl").replaceChildren(...rows.flatMap(([key, text]) => {
    const term = document.createElement("dt"), meaning = document.createElement("dd");
    term.textContent = key;
    meaning.textContent = text;
    return [term, meaning];
  }));
}

// What follows every move of the reader.
function shown(viewer) {
  const { nodes, data, window } = viewer, { words } = data;
  for (const tool of nodes.tools) tool.setAttribute("aria-pressed", String(tool.dataset.tool === viewer.tool));
  nodes.stage.dataset.tool = viewer.tool;
  nodes.invert.setAttribute("aria-pressed", String(viewer.inverted));
  nodes.preset.value = String(viewer.preset);
  nodes.preset.options[0].hidden = viewer.preset >= 0;
  nodes.farther.disabled = viewer.view.zoom <= 1;
  nodes.map.value = viewer.map;
  nodes.opacity.value = String(Math.round(100 * viewer.opacity));
  nodes.outline.checked = viewer.outlined;
  nodes.share.value = String(viewer.share);
  nodes.fading.hidden = viewer.map === "";
  nodes.reread.hidden = !data.rereads || viewer.preset === 0;
  sidesOf(viewer);
  nodes.badge.textContent = data.slices ? data.slices.texts[viewer.at - 1] : "";
  nodes.badge.hidden = data.slices === null;
  const values = { centre: short(window.centre), width: short(window.width), zoom: viewer.view.zoom.toFixed(1) };
  nodes.tone.textContent = filled(viewer.inverted ? words.state_inverted : words.state, values);
  legendOf(viewer);
  nodes.canvas.setAttribute("aria-label", altOf(viewer));
}

// Names of two pictures in the corners: one over the other the second is on the left, side by side it is on the right.
function sidesOf(viewer) {
  const { nodes, data, beside, share } = viewer, pair = data.pictures.length > 1;
  nodes.beside.setAttribute("aria-pressed", String(beside));
  nodes.sharing.hidden = nodes.blink.hidden = !pair || beside;
  nodes.from.hidden = !pair || (!beside && share === 0);
  nodes.to.hidden = !pair || (!beside && share === 100);
  if (!pair) return;
  const [first, second] = data.pictures.map((each) => each.name);
  [nodes.from.textContent, nodes.to.textContent] = beside ? [first, second] : [second, first];
}

function mapOf(viewer) {
  return viewer.data.maps.find((each) => each.key === viewer.map) ?? null;
}

function legendOf(viewer) {
  const { nodes } = viewer, map = mapOf(viewer), there = map !== null && map.url !== null;
  nodes.legend.hidden = !there;
  nodes.meaning.hidden = map === null;
  nodes.meaning.textContent = map === null ? "" : [map.meaning, viewer.data.words.caveat].filter(Boolean).join(" ");
  if (!there) return;
  const [title, low, scale, high] = nodes.legend.children;
  title.textContent = map.title;
  low.textContent = map.low;
  high.textContent = map.high;
  scale.style.background = `linear-gradient(to right, ${map.palette.filter((_, i) => i % 15 === 0).join(", ")})`;
}

function altOf(viewer) {
  const { data } = viewer, map = mapOf(viewer);
  const parts = data.slices ? [data.slices.texts[viewer.at - 1]] : data.pictures.map((each) => each.alt);
  if (map?.alt) parts.push(map.alt);
  if (data.outline && viewer.outlined) parts.push(data.outline.text);
  return parts.join(". ");
}
