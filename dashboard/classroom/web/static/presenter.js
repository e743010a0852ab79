// The projected page: it follows the room, and shows an answer only once it is revealed.

import { ask, bars, clock, element, follow, numbers, put, say, words } from "./common.js";
import { contest } from "./presenter_challenge.js";
import { fullScreen, layout, showStep, turned } from "./presenter_step.js";

const code = new URLSearchParams(location.search).get("code") ?? "";
const room = encodeURIComponent(code);
let state = null;
let shown = "";
let soon = () => {};

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

function lesson(wanted) {
  return showStep({
    step: () => ask(`/class/teach/step/${room}`),
    figures: () => ask(`/class/teach/figures/${room}`),
    current: () => wanted === shown,
  });
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
  if (turned(name) && state.lesson) {
    event.preventDefault();
    await ask("/class/teach/lesson", { code, lesson: state.lesson, step: state.step + turned(name) });
  } else if (name === "r" && state.showing === "question") {
    await ask("/class/teach/close", { code, reveal: true });
  } else if (name === "r" && state.showing === "challenge") {
    await ask("/class/teach/reveal_challenge", { code });
  } else if (name === "r") {
    await ask("/class/teach/reveal_step", { code, revealed: !state.revealed });
  } else if (name === "n") {
    window.open(`/class/teacher?code=${room}&lang=${document.documentElement.lang}`, "meddef_teacher");
  } else if (name === "f") {
    await fullScreen();
  } else return;
  soon();
}

document.addEventListener("keydown", (event) => {
  key(event).catch((error) => {
    document.getElementById("said").textContent = error.message;
  });
});
soon = follow(look, 500);
