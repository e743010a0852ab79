// The projected page: it follows the room, and shows an answer only once it is revealed.

import { ask, bars, clock, element, follow, numbers, put, say, words } from "./common.js";
import { contest } from "./presenter_challenge.js";

const code = new URLSearchParams(location.search).get("code") ?? "";
const room = encodeURIComponent(code);
let state = null;
let shown = "";
let soon = () => {};

function layout(pictures) {
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

function joining() {
  layout([]);
  const address = `${location.origin}/class`;
  const box = element("div", { className: "joining" });
  box.append(
    element("h1", { textContent: words.join }),
    element("img", { src: `/class/teach/qr/${room}`, alt: state.address ?? address }),
    element("p", { textContent: state.address ?? address }),
    element("p", { className: "code", textContent: state.code }),
  );
  put("words_shown", box);
}

function question(asked) {
  layout(asked.images.map((image) => ({ src: `/class/image/${image.id}`, caption: image.caption })));
  const parts = [element("h1", { textContent: asked.prompt })];
  if (asked.kind === "number") parts.push(numbers(asked.tally));
  else parts.push(...bars(asked.options, asked.tally, asked.revealed ? asked.answer : null));
  if (asked.revealed) {
    const answer = asked.kind === "number" ? asked.number : asked.options[asked.answer];
    if (answer !== null && answer !== undefined) {
      parts.push(element("p", { className: "right", textContent: say("answer", { answer }) }));
    }
    if (asked.explanation) parts.push(element("p", { textContent: asked.explanation }));
  }
  put("words_shown", ...parts);
}

async function lesson(wanted) {
  const step = await ask(`/class/teach/step/${room}`);
  if (wanted !== shown) return;
  // The server makes this HTML from the lesson's Markdown, with every tag in it as plain text.
  const text = element("div", { innerHTML: step.html });
  const parts = [element("h1", { textContent: step.title }), text, ...asks(step)];
  const table = element("div");
  put("words_shown", ...parts, table);
  document.getElementById("where").textContent =
    `${step.lesson} · ${say("step", { n: step.step + 1, total: step.steps })}`;
  if (!step.has_figures) {
    layout([]);
    return;
  }
  table.textContent = words.computing;
  const figures = await ask(`/class/teach/figures/${room}`);
  if (wanted !== shown) return;
  layout(figures.pictures);
  table.replaceChildren(tabled(figures.table));
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

function count() {
  if (state.showing === "question" && state.question) return say("answers", { n: state.question.tally.n });
  return say("students", { n: state.students });
}

async function look() {
  try {
    state = await ask(`/class/teach/projector/${room}`);
  } catch (error) {
    document.getElementById("said").textContent = error.status ? error.message : words.lost;
    return;
  }
  document.getElementById("said").textContent = words.keys;
  document.getElementById("count").textContent = count();
  document.getElementById("clock").textContent = state.seconds_left === null ? "" : clock(state.seconds_left);
  const { seconds_left, students, question: asked, contest: tried, ...rest } = state;
  const now = JSON.stringify([rest, state.showing === "question" ? asked : null, state.showing === "challenge" ? tried : null]);
  if (now === shown) return;
  shown = now;
  document.getElementById("where").textContent = state.code;
  try {
    if (state.showing === "question" && asked) question(asked);
    else if (state.showing === "challenge" && tried) {
      const { pictures, parts } = contest(tried);
      layout(pictures);
      put("words_shown", ...parts);
    } else if (state.showing === "lesson" && state.lesson) {
      lesson(now).catch(failed); // not awaited: its pictures take seconds, and the room goes on
    } else joining();
  } catch (error) {
    failed(error);
  }
}

function failed(error) {
  if (!error.status) shown = ""; // no connection: draw it again with the next look
  put("words_shown", element("p", { className: "error", textContent: error.status ? error.message : words.lost }));
}

async function key(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || state === null) return;
  const name = event.key.toLowerCase();
  const steps = { arrowright: 1, arrowdown: 1, pagedown: 1, arrowleft: -1, arrowup: -1, pageup: -1 };
  if (name in steps && state.lesson) {
    event.preventDefault();
    await ask("/class/teach/lesson", { code, lesson: state.lesson, step: state.step + steps[name] });
  } else if (name === "r" && state.showing === "question") {
    await ask("/class/teach/close", { code, reveal: true });
  } else if (name === "r" && state.showing === "challenge") {
    await ask("/class/teach/reveal_challenge", { code });
  } else if (name === "r") {
    await ask("/class/teach/reveal_step", { code, revealed: !state.revealed });
  } else if (name === "n") {
    window.open(`/class/teacher?code=${room}&lang=${document.documentElement.lang}`, "meddef_teacher");
  } else if (name === "f") {
    if (document.fullscreenElement) await document.exitFullscreen();
    else await document.documentElement.requestFullscreen();
  } else return;
  soon();
}

document.addEventListener("keydown", (event) => {
  key(event).catch((error) => {
    document.getElementById("said").textContent = error.message;
  });
});
soon = follow(look, 500);
