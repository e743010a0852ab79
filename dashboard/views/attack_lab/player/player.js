const SVG = "http://www.w3.org/2000/svg";
const PAUSE = 220; // milliseconds between two pictures while playing
const HIGH = [255, 164, 46]; // the diverging colours of the page: orange is brighter than the clean scan,
const LOW = [77, 163, 255]; // blue is darker,
const MIDDLE = 128; // mid grey is no change

function fill(sentence, values) {
  return sentence.replace(/\{(\w+)\}/g, (place, name) => (name in values ? values[name] : place));
}

function element(name, attributes = {}, text = null) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== null) made.textContent = text;
  return made;
}

function drawn(name, attributes = {}, text = null) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== null) made.textContent = text;
  return made;
}

async function unpacked(packed) {
  const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// Each picture was sent as its difference from the one before; added up modulo 256 they are the changes again.
function summed(differences, size) {
  for (let at = size; at < differences.length; at++) differences[at] += differences[at - size];
  return new Int8Array(differences.buffer);
}

// As `words.percent`: never rounded to certainty.
function percent(share) {
  if (share < 0.001) return "<0.1%";
  return share > 0.999 ? ">99.9%" : `${(100 * share).toFixed(1)}%`;
}

function largest(values) {
  return values.reduce((best, value, at) => (value > values[best] ? at : best), 0);
}

// The last picture at or before a step: models may stop at different steps.
function frameAt(model, step) {
  let at = 0;
  while (at + 1 < model.steps.length && model.steps[at + 1] <= step) at++;
  return at;
}

function lineSample(model, width = 26) {
  const svg = drawn("svg", { width, height: 8, "aria-hidden": "true" });
  svg.append(drawn("line", {
    x1: 0, y1: 4, x2: width, y2: 4, stroke: model.colour, "stroke-width": 3, "stroke-dasharray": model.dash,
  }));
  return svg;
}

function card(model) {
  const box = element("div", { class: "model" });
  const title = element("h4");
  title.append(lineSample(model), element("span", {}, model.title));
  const canvas = element("canvas", { role: "img", width: model.side, height: model.side });
  const state = element("p", { class: "state" });
  box.append(title, canvas, state);
  const rows = model.classes.map((name) => {
    const row = element("div", { class: "share" });
    const track = element("div", { class: "track" });
    const bar = element("div", { class: "fill" });
    const number = element("span", { class: "number" });
    track.append(bar);
    row.append(element("span", { class: "name" }, name), track, number);
    box.append(row);
    return { row, bar, number };
  });
  return { box, canvas, state, rows };
}

function paint(canvas, model, at, { added, factor }) {
  const size = model.side * model.side;
  const context = canvas.getContext("2d");
  const image = context.createImageData(model.side, model.side);
  const unit = model.span / 127;
  for (let pixel = 0; pixel < size; pixel++) {
    const change = model.frames[at * size + pixel] * unit;
    const share = Math.min(1, Math.abs(change) * factor);
    const end = change > 0 ? HIGH : LOW;
    for (let channel = 0; channel < 3; channel++) {
      image.data[4 * pixel + channel] = added
        ? MIDDLE + (end[channel] - MIDDLE) * share
        : model.pixels[pixel] + 255 * change;
    }
    image.data[4 * pixel + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}

// Stretched to the width of the page, so that its words stand outside it, in HTML.
function chart(figure, data, total) {
  const width = 600, height = 150, edge = 4;
  const svg = drawn("svg", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", role: "img" });
  const x = (step) => edge + ((width - 2 * edge) * step) / Math.max(1, total);
  const y = (share) => edge + (height - 2 * edge) * (1 - share);
  const line = (attributes) => drawn("line", { "vector-effect": "non-scaling-stroke", ...attributes });
  for (const share of [0, 0.5, 1]) {
    svg.append(line({ x1: 0, x2: width, y1: y(share), y2: y(share), stroke: "var(--st-border-color)" }));
  }
  for (const model of data.models) {
    svg.append(drawn("polyline", {
      points: model.course.map(([step, share]) => `${x(step)},${y(share)}`).join(" "), fill: "none",
      stroke: model.colour, "stroke-width": 2.5, "stroke-dasharray": model.dash, "vector-effect": "non-scaling-stroke",
    }));
  }
  const now = line({ y1: 0, y2: height, stroke: "currentColor", "stroke-width": 1.5 });
  svg.append(now);
  const levels = element("div", { class: "levels", "aria-hidden": "true" });
  levels.append(...["100", "50", "0"].map((text) => element("span", {}, text)));
  const ends = element("div", { class: "ends", "aria-hidden": "true" });
  ends.append(element("span", {}, "0"), element("span", {}, String(total)));
  figure.replaceChildren(element("figcaption", {}, data.words.chart), levels, svg, ends);
  return { svg, move: (step) => { now.setAttribute("x1", x(step)); now.setAttribute("x2", x(step)); } };
}

async function build(root, data) {
  const find = (name) => root.querySelector(name);
  const models = await Promise.all(data.models.map(async (model) => ({
    ...model,
    pixels: await unpacked(model.clean),
    frames: summed(await unpacked(model.changes), model.side * model.side),
  })));
  const steps = [...new Set(models.flatMap((model) => model.steps))].sort((a, b) => a - b);
  const total = steps[steps.length - 1];
  const cards = models.map(card);
  find(".models").replaceChildren(...cards.map((each) => each.box));
  const { svg, move } = chart(find(".chart"), data, total);
  const slider = find(".step"), play = find(".play"), now = find(".now"), views = find(".views");
  let added = false, timer = null;

  function show() {
    const step = steps[Number(slider.value)];
    const said = models.map((model, number) => {
      const at = frameAt(model, step), parts = cards[number], shares = model.shares[at], best = largest(shares);
      paint(parts.canvas, model, at, { added, factor: data.factor });
      shares.forEach((share, row) => {
        parts.rows[row].bar.style.width = `${100 * share}%`;
        parts.rows[row].number.textContent = percent(share);
        parts.rows[row].row.classList.toggle("top", row === best);
      });
      parts.state.textContent = best === model.own ? `✓ ${data.words.held}` : `✗ ${data.words.changed}`;
      const values = { model: model.title, step: model.steps[at], label: model.classes[best], p: percent(shares[best]) };
      parts.canvas.setAttribute("aria-label", fill(data.words.at, { ...values, linf: model.linf[at] }));
      return fill(data.words.said, values);
    });
    const place = fill(data.words.step, { step, total });
    now.textContent = place;
    slider.setAttribute("aria-valuetext", `${place}. ${said.join("; ")}`);
    svg.setAttribute("aria-label", `${data.words.chart}. ${place}. ${said.join("; ")}`);
    move(step);
  }

  function stop() {
    clearInterval(timer);
    timer = null;
    play.textContent = `▶ ${data.words.play}`;
  }

  function forward() {
    if (Number(slider.value) >= steps.length - 1) return stop();
    slider.value = Number(slider.value) + 1;
    show();
  }

  function start() {
    if (Number(slider.value) >= steps.length - 1) slider.value = 0;
    show();
    play.textContent = `⏸ ${data.words.pause}`;
    timer = setInterval(forward, PAUSE);
  }

  views.replaceChildren(...[data.words.picture, fill(data.words.added, { factor: data.factor })].map((name, number) => {
    const label = element("label"), radio = element("input", { type: "radio", name: "view" });
    radio.checked = number === 0;
    radio.onchange = () => { added = number === 1; show(); };
    label.append(radio, element("span", {}, name));
    return label;
  }));
  find(".player").setAttribute("aria-label", data.words.slider);
  views.setAttribute("aria-label", data.words.view);
  slider.setAttribute("aria-label", data.words.slider);
  slider.max = String(steps.length - 1);
  slider.value = String(steps.length - 1);
  slider.oninput = () => { stop(); show(); };
  play.onclick = () => (timer === null ? start() : stop());
  stop();
  show();
  return stop;
}

export default function ({ parentElement, data }) {
  const root = parentElement;
  const key = data.models.map((model) => model.title + model.changes.slice(-400) + model.changes.length).join(" ")
    + data.words.play;
  if (root.built === key) return;
  root.built = key;
  const stopped = build(root, data);
  return () => { root.built = null; stopped.then((stop) => stop()); };
}
