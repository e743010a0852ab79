// A lesson's step on the projector, in a class and without one: pictures beside words, answers once they are revealed.

import { element, put, say, words } from "./common.js";

export function layout(pictures) {
  const place = document.getElementById("pictures");
  place.hidden = pictures.length === 0;
  place.className = `n${Math.min(6, pictures.length)}`;
  document.getElementById("main").className = pictures.length ? "" : "no-pictures";
  place.replaceChildren(
    ...pictures.map(({ src, caption }) =>
      element("figure", {}, element("img", { src, alt: caption }), element("figcaption", { textContent: caption })),
    ),
  );
}

// A table alone takes half of the width: below the words it would be cut off.
function besideWords(table) {
  const place = document.getElementById("pictures");
  place.hidden = false;
  place.className = "table";
  place.replaceChildren(table);
  document.getElementById("main").className = "with-table";
}

// `step` and `figures` fetch both from the server; `current` says whether the projector still wants this step.
export async function showStep({ step: fetchStep, figures: fetchFigures, current }) {
  const step = await fetchStep();
  if (!current()) return;
  // The server makes this HTML from the lesson's Markdown, with every tag in it as plain text.
  const text = element("div", { innerHTML: step.html });
  const table = element("div");
  put("words_shown", element("h1", { textContent: step.title }), text, ...asks(step), table);
  document.getElementById("where").textContent =
    `${step.lesson} · ${say("step", { n: step.step + 1, total: step.steps })}`;
  toAnswer(step);
  if (!step.has_figures) {
    layout([]);
    return;
  }
  table.textContent = words.computing;
  const figures = await fetchFigures();
  if (!current()) return;
  layout(figures.pictures);
  const found = tabled(figures.table);
  table.replaceChildren(figures.pictures.length ? found : "");
  if (!figures.pictures.length) besideWords(found);
  toAnswer(step);
}

// With an answer the words may be longer than the screen: what was read already moves out at the top.
function toAnswer(step) {
  if (step.question?.explanation) document.querySelector("#words_shown h2").scrollIntoView();
}

// A key's change of the step, 0 for any other key.
export function turned(name) {
  const turns = { arrowright: 1, arrowdown: 1, pagedown: 1, arrowleft: -1, arrowup: -1, pageup: -1 };
  return turns[name] ?? 0;
}

export async function fullScreen() {
  if (document.fullscreenElement) await document.exitFullscreen();
  else await document.documentElement.requestFullscreen();
}

function asks(step) {
  if (!step.question) return [];
  const { prompt, options, answer, explanation } = step.question;
  const listed = options.map((option, place) =>
    element("li", { textContent: option, className: place === answer ? "right" : "" }),
  );
  const parts = [element("h2", { textContent: prompt }), element("ol", {}, ...listed)];
  if (explanation) parts.push(element("p", { textContent: explanation }));
  return parts;
}

function tabled([head, ...rows]) {
  if (!head) return "";
  const line = (cells, kind) => element("tr", {}, ...cells.map((cell) => element(kind, { textContent: cell })));
  return element("table", {}, line(head, "th"), ...rows.map((row) => line(row, "td")));
}
