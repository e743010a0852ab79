const MOST_ZOOM = 8;
const PAN = 0.1; // of the visible part, for one press of an arrow key

function element(name, attributes = {}, text = null) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== null) made.textContent = text;
  return made;
}

function fill(sentence, values) {
  return sentence.replace(/\{(\w+)\}/g, (place, name) => (name in values ? values[name] : place));
}

function bounded(value, low, high) {
  return Math.min(high, Math.max(low, value));
}

// One figure: the attacked picture lies over the clean one and is cut off to the right of the edge.
function pairOf(pair, words) {
  const figure = element("figure", { class: "pair" });
  const stage = element("div", { class: "stage", role: "group", tabindex: "0", "aria-label": `${pair.title}. ${words.pan}` });
  const layers = [pair.clean, pair.attacked].map((source, number) => {
    const layer = element("div", { class: "layer" });
    const image = element("img", { src: source, alt: number ? pair.attacked_alt : pair.clean_alt, draggable: "false" });
    layer.append(image);
    return { layer, image };
  });
  const edge = element("div", { class: "edge" });
  const sides = [words.clean, words.attacked].map((text, number) =>
    element("span", { class: `side ${number ? "left" : "right"}`, "aria-hidden": "true" }, text));
  stage.append(...layers.map((each) => each.layer), edge, ...sides);
  figure.append(element("figcaption", {}, pair.title), stage);
  return { figure, stage, layers, edge, sides };
}

function build(root, data, state) {
  const find = (name) => root.querySelector(name);
  const { words } = data;
  const pairs = data.pairs.map((pair) => pairOf(pair, words));
  const share = find(".share"), said = find(".said");
  find(".pairs").replaceChildren(...pairs.map((pair) => pair.figure));

  function show() {
    const { at, zoom } = state;
    const room = 1 - 1 / zoom;
    state.x = bounded(state.x, 0, room);
    state.y = bounded(state.y, 0, room);
    const moved = `scale(${zoom}) translate(${-100 * state.x}%, ${-100 * state.y}%)`;
    for (const pair of pairs) {
      for (const { image } of pair.layers) image.style.transform = moved;
      pair.layers[1].layer.style.clipPath = `inset(0 ${100 - at}% 0 0)`;
      pair.edge.style.left = `${at}%`;
      pair.edge.style.display = at === 0 || at === 100 ? "none" : "block";
      pair.sides[0].style.display = at === 100 ? "none" : "block";
      pair.sides[1].style.display = at === 0 ? "none" : "block";
      pair.stage.classList.toggle("near", zoom > 1);
    }
    share.value = String(at);
    const text = fill(words.share, { share: at });
    share.setAttribute("aria-valuetext", text);
    find(".closer").disabled = zoom >= MOST_ZOOM;
    find(".farther").disabled = find(".whole").disabled = zoom <= 1;
    return text;
  }

  function shown(text) {
    said.textContent = text;
  }

  function blink() {
    state.at = state.at >= 50 ? 0 : 100;
    show();
    shown(fill(words.blinked, { side: state.at === 0 ? words.clean : words.attacked }));
  }

  function scaled(factor) {
    const before = state.zoom;
    state.zoom = bounded(before * factor, 1, MOST_ZOOM);
    state.x += (1 / before - 1 / state.zoom) / 2; // the middle stays where it is
    state.y += (1 / before - 1 / state.zoom) / 2;
    show();
    shown(fill(words.zoomed, { zoom: state.zoom }));
  }

  function dragged(pair) {
    let from = null;
    pair.stage.onpointerdown = (event) => {
      if (state.zoom <= 1) return;
      from = { x: event.clientX, y: event.clientY, left: state.x, top: state.y };
      pair.stage.setPointerCapture(event.pointerId);
    };
    pair.stage.onpointermove = (event) => {
      if (from === null) return;
      const side = pair.stage.clientWidth * state.zoom;
      state.x = from.left - (event.clientX - from.x) / side;
      state.y = from.top - (event.clientY - from.y) / side;
      show();
    };
    pair.stage.onpointerup = pair.stage.onpointercancel = () => { from = null; };
  }

  pairs.forEach(dragged);
  find(".compare").setAttribute("aria-label", words.label);
  find(".from").textContent = words.clean;
  find(".to").textContent = words.attacked;
  share.setAttribute("aria-label", words.slider);
  const buttons = {
    ".blink": [words.blink, blink],
    ".closer": [words.closer, () => scaled(2)],
    ".farther": [words.farther, () => scaled(0.5)],
    ".whole": [words.whole, () => scaled(0)],
  };
  for (const [name, [text, pressed]] of Object.entries(buttons)) {
    find(name).textContent = text;
    find(name).onclick = pressed;
  }
  share.oninput = () => { state.at = Number(share.value); show(); };
  find(".compare").onkeydown = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (event.key === "b" || event.key === "B") blink();
    else if (event.key === "+") scaled(2);
    else if (event.key === "-") scaled(0.5);
    else if (steps && event.target.classList.contains("stage") && state.zoom > 1) {
      state.x += (PAN * steps[0]) / state.zoom;
      state.y += (PAN * steps[1]) / state.zoom;
      show();
    } else return;
    event.preventDefault();
  };
  show();
}

// A new map or colour keeps slider and zoom where the reader has put them.
export default function ({ parentElement, data }) {
  const root = parentElement;
  root.compared ??= { at: 50, zoom: 1, x: 0, y: 0 };
  build(root, data, root.compared);
}
