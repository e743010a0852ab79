// The teacher's window: the room, its lesson, its questions, and who is there.

import { ask, bars, clock, element, follow, numbers, put, ready, say, words } from "./common.js";
import { challenges } from "./teacher_challenge.js";

const at = (id) => document.getElementById(id);
let code = new URLSearchParams(location.search).get("code") ?? "";
let state = null;
let lessons = [];
let noted = "";
let soon = () => {};

async function act(name, message = {}) {
  at("said").textContent = "";
  try {
    const found = await ask(`/class/teach/${name}`, { code, ...message });
    soon();
    return found;
  } catch (error) {
    at("said").textContent = error.status ? error.message : words.lost;
    return null;
  }
}

let listed = 0;
async function list() {
  const number = ++listed;
  const found = await act("rooms");
  if (!found || number !== listed) return; // an answer that was overtaken does not know the newest room
  put(
    "rooms",
    ...found.rooms.map((each) =>
      element("button", {
        textContent: each.open ? each.code : `${each.code} (${words.expired})`,
        "aria-pressed": String(each.code === code),
        onclick: () => enter(each.code),
      }),
    ),
  );
}

function enter(chosen) {
  code = chosen;
  const language = document.documentElement.lang;
  history.replaceState(null, "", code ? `?code=${encodeURIComponent(code)}&lang=${language}` : `?lang=${language}`);
  at("room").hidden = !code;
  noted = "";
  list();
  soon();
}

function seats(present) {
  put(
    "seats",
    ...present.map((seat, place) =>
      element(
        "li",
        {},
        element("span", { textContent: `${seat.answered ? "✓ " : ""}${seat.nickname ?? say("nameless", { n: place + 1 })}` }),
        element(
          "span",
          { className: "row" },
          seat.nickname === null
            ? null
            : element("button", { textContent: words.remove_name, onclick: () => act("remove_name", { seat: seat.id }) }),
          element("button", { textContent: words.remove, onclick: () => act("remove_seat", { seat: seat.id }) }),
        ),
      ),
    ),
  );
  at("present_count").textContent = `(${present.length})`;
}

function question(asked, students) {
  at("prompt").textContent = asked ? asked.prompt : "";
  at("count").textContent = asked ? say("answers", { n: asked.tally.n, students }) : "";
  at("close").disabled = !asked || !asked.open;
  at("reveal").disabled = !asked || asked.revealed;
  if (!asked) put("tally");
  else if (asked.kind === "number") put("tally", numbers(asked.tally));
  else put("tally", ...bars(asked.options, asked.tally, asked.answer));
}

async function notes() {
  const here = JSON.stringify([code, state.lesson, state.step]);
  if (here === noted) return;
  noted = here;
  if (state.lesson === null) {
    put("notes", element("p", { textContent: words.no_notes }));
    return;
  }
  const step = await ask(`/class/teach/step/${encodeURIComponent(code)}`);
  if (here !== noted) return; // overtaken by another step
  // Made by the server from the lesson's Markdown, with every tag in it as plain text.
  put("notes", step.notes === null ? element("p", { textContent: words.no_notes }) : element("div", { innerHTML: step.notes }));
  at("lesson").value = state.lesson;
  steps();
  at("step").value = String(state.step);
}

function steps() {
  const lesson = lessons.find((each) => each.key === at("lesson").value);
  const titles = lesson ? lesson.steps : [];
  if (lesson) at("handout").href = `/class/teach/handout/${lesson.key}.pdf?lang=${document.documentElement.lang}`;
  put("step", ...titles.map((title, place) => element("option", { value: String(place), textContent: `${place + 1}. ${title}` })));
}

let seated = "";
async function look() {
  if (!code) return;
  try {
    state = await ask(`/class/teach/room/${encodeURIComponent(code)}`);
  } catch (error) {
    at("said").textContent = error.status ? error.message : words.lost;
    if (error.status === 404) enter("");
    return;
  }
  at("code").textContent = state.code;
  at("present").href = `/class/present?code=${encodeURIComponent(code)}&lang=${document.documentElement.lang}`;
  at("csv").href = `/class/teach/report/${encodeURIComponent(code)}.csv`;
  at("pdf").href = `/class/teach/report/${encodeURIComponent(code)}.pdf`;
  at("lock").textContent = state.locked ? words.unlock : words.lock;
  at("reveal_step").textContent = state.revealed ? words.hide_step : words.reveal_step;
  at("clock").textContent = state.seconds_left === null ? "" : clock(state.seconds_left);
  const now = JSON.stringify(state.seats);
  if (now !== seated) {  // a list that is drawn anew loses the keyboard's place
    seated = now;
    seats(state.seats);
  }
  question(state.question, state.seats.length);
  await notes();
}

at("open_room").onclick = async () => {
  const found = await act("open_room", { language: document.documentElement.lang });
  if (found) enter(found.code);
};
at("sign_out").onclick = async () => {
  await act("sign_out");
  location.assign("/class/sign-in");
};
at("delete").onclick = async () => {
  if (!window.confirm(words.delete_sure)) return;
  await act("delete_room");
  enter("");
};
at("lock").onclick = () => act("lock", { locked: !state.locked });
at("show_code").onclick = () => act("show", { showing: "joining" });
at("stop").onclick = () => act("timer", { seconds: 0 });
at("timer").onsubmit = (event) => {
  event.preventDefault();
  act("timer", { seconds: Math.round(60 * at("minutes").valueAsNumber) });
};
at("lesson").onchange = steps;
at("show_step").onclick = () => act("lesson", { lesson: at("lesson").value, step: Number(at("step").value) });
at("previous").onclick = () => state.lesson && act("lesson", { lesson: state.lesson, step: state.step - 1 });
at("next").onclick = () => state.lesson && act("lesson", { lesson: state.lesson, step: state.step + 1 });
at("reveal_step").onclick = () => act("reveal_step", { revealed: !state.revealed });
at("ask_step").onclick = () => act("ask_step");
at("close").onclick = () => act("close", { reveal: false });
at("reveal").onclick = () => act("close", { reveal: true });
at("kind").onchange = () => {
  const kind = at("kind").value;
  at("with_options").hidden = kind !== "choice";
  at("with_answer").hidden = kind === "number";
  at("with_number").hidden = kind !== "number";
};
at("ask").onsubmit = (event) => {
  event.preventDefault();
  const kind = at("kind").value;
  const message = { kind, prompt: at("prompt_typed").value };
  if (kind === "number") {
    message.number = at("right_number").value === "" ? null : at("right_number").valueAsNumber;
    message.tolerance = at("tolerance").valueAsNumber || 0;
  } else {
    const lines = at("options").value.split("\n").map((line) => line.trim()).filter((line) => line);
    message.options = kind === "right_wrong" ? [words.right, words.wrong] : lines;
    message.answer = at("answer").value === "" ? null : at("answer").valueAsNumber - 1;
  }
  act("ask", message);
};
for (const button of document.querySelectorAll("button.live")) {
  button.onclick = async () => {
    button.disabled = true;
    at("count").textContent = words.computing;
    await act("ask_live", { kind: button.value, task: at("task").value, level: at("level").value });
    button.disabled = false;
  };
}

async function patiently(path) {
  for (;;) {
    try {
      return await ask(path);
    } catch (error) {
      at("said").textContent = error.status ? error.message : words.lost;
      await new Promise((done) => setTimeout(done, 2000));
    }
  }
}

const offered = await patiently("/class/teach/offered");
at("said").textContent = "";
lessons = offered.lessons;
put("lesson", ...lessons.map(({ key, title }) => element("option", { value: key, textContent: title })));
put("task", ...offered.tasks.map(({ key, title }) => element("option", { value: key, textContent: title })));
steps();
challenges(offered, act, () => at("task").value);
soon = follow(look, 700);
enter(code);
ready();
