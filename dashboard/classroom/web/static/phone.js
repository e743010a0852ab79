// The students' page: join, the current question, then the result.

import { ask, clock, element, follow, put, say, words } from "./common.js";
import { challenge } from "./phone_challenge.js";

const said = document.getElementById("said");
const form = document.getElementById("join");
const room = document.getElementById("room");
let shown = "";
let soon = () => {};

function status(sentence, kind = "") {
  said.textContent = sentence;
  said.className = kind;
}

function inside(state) {
  form.hidden = true;
  room.hidden = false;
  const left = document.getElementById("clock");
  left.hidden = state.seconds_left === null;
  if (state.seconds_left !== null) left.textContent = clock(state.seconds_left);
  const { seconds_left, ...rest } = state;
  const now = JSON.stringify(rest);
  if (now === shown) return;
  shown = now;
  document.getElementById("heading").textContent = state.nickname ?? words.title;
  if (state.showing === "question" && state.question) question(state.question);
  else if (state.showing === "challenge" && state.challenge) put("body", ...challenge(state.challenge, soon));
  else put("body", element("p", { textContent: state.showing === "lesson" ? words.look : words.wait }));
}

function question(asked) {
  const parts = [element("h2", { textContent: asked.prompt })];
  if (asked.images.length) parts.push(pictures(asked.images));
  if (asked.given === null && asked.open) parts.push(asked.kind === "number" ? typed(asked) : choices(asked));
  else parts.push(...result(asked));
  put("body", ...parts);
}

function pictures(images) {
  const drawn = images.map((image) =>
    element(
      "figure",
      {},
      element("img", { src: `/class/image/${image.id}`, alt: image.caption }),
      element("figcaption", { className: "muted", textContent: image.caption }),
    ),
  );
  return element("div", { className: "pictures" }, ...drawn);
}

function choices(asked) {
  const short = asked.options.every((option) => option.length < 14);
  const buttons = asked.options.map((option, choice) =>
    element("button", { textContent: option, type: "button", onclick: () => send(asked, { choice }) }),
  );
  return element("div", { className: short ? "options two" : "options" }, ...buttons);
}

function typed(asked) {
  const field = element("input", { type: "number", step: "any", required: true, id: "number", inputMode: "decimal" });
  const sent = (event) => {
    event.preventDefault();
    send(asked, { number: field.valueAsNumber });
  };
  return element(
    "form",
    { onsubmit: sent },
    element("label", { htmlFor: "number", textContent: words.number }),
    field,
    element("button", { className: "main", textContent: words.send }),
  );
}

function result(asked) {
  const parts = [element("p", { textContent: asked.given === null ? words.closed : words.sent })];
  if (!asked.revealed) return parts;
  if (asked.right !== undefined) {
    parts.push(element("p", { className: asked.right ? "right" : "wrong", textContent: asked.right ? words.right : words.wrong }));
  }
  const answer = asked.kind === "number" ? asked.number : asked.options[asked.answer];
  if (answer !== null && answer !== undefined) parts.push(element("p", { textContent: say("answer", { answer }) }));
  if (asked.explanation) parts.push(element("p", { textContent: asked.explanation }));
  return parts;
}

// The same answer may be sent again after a lost reply: the first that arrived stands.
async function send(asked, answer) {
  for (const button of document.querySelectorAll("#body button")) button.disabled = true;
  for (let patience = 0; patience < 5; patience += 1) {
    try {
      await ask("/class/api/vote", { question: asked.id, ...answer });
      status("");
      break;
    } catch (error) {
      status(error.status ? error.message : words.lost, "error");
      if (error.status && error.status < 500 && error.status !== 429) break;
      await new Promise((done) => setTimeout(done, 1000));
    }
  }
  shown = "";
  soon();
}

async function look() {
  try {
    inside(await ask("/class/api/state"));
    if (said.className === "error") status("");
  } catch (error) {
    if ([403, 404, 409].includes(error.status)) {
      if (!room.hidden) status(error.message, "error");
      shown = "";
      room.hidden = true;
      form.hidden = false;
    } else status(error.status ? error.message : words.lost, "error");
  }
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    const fields = { code: form.querySelector("#code").value, nickname: form.querySelector("#nickname").value };
    await ask("/class/api/join", fields);
    status("");
    soon();
  } catch (error) {
    status(error.message, "error");
  }
});

form.querySelector("#code").value = new URLSearchParams(location.search).get("code") ?? "";
soon = follow(look, 1000);
