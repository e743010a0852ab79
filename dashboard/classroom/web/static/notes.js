// The teacher's notes beside a projector without a class: they follow its step, and turn its pages.

import { ask, clock, element, put, ready, say, words } from "./common.js";

const asked = new URLSearchParams(location.search);
const channel = new BroadcastChannel("meddef_lesson");
const at = (id) => document.getElementById(id);
let began = Date.now();
let asks = 0;

async function follow({ lesson, step, revealed }) {
  const mine = ++asks; // an answer that a later one has overtaken is not shown
  at("reveal").textContent = revealed ? words.hide : words.reveal;
  const given = { lesson, step: String(step + 1), revealed: "1", key: asked.get("key") ?? "" };
  try {
    const found = await ask(`/present/step?${new URLSearchParams(given)}`);
    if (mine !== asks) return;
    at("where").textContent = `${say("step", { n: found.step + 1, total: found.steps })}: ${found.title}`;
    // Made by the server from the lesson's Markdown, with every tag in it as plain text.
    const notes = found.notes === null ? { textContent: words.no_notes } : { innerHTML: found.notes };
    put("notes", element("div", notes));
    const question = found.question;
    at("prompt").textContent = question ? question.prompt : "";
    at("answer").textContent = question ? say("answer", { answer: question.options[question.answer] }) : "";
    at("explanation").textContent = question ? question.explanation : "";
    at("said").textContent = "";
  } catch (error) {
    at("said").textContent = error.status ? error.message : words.lost;
  }
}

channel.onmessage = ({ data }) => data.at && follow(data.at);
at("previous").onclick = () => channel.postMessage({ move: -1 });
at("next").onclick = () => channel.postMessage({ move: 1 });
at("reveal").onclick = () => channel.postMessage({ reveal: true });
at("restart").onclick = () => {
  began = Date.now();
};
setInterval(() => {
  at("clock").textContent = clock((Date.now() - began) / 1000);
}, 500);
follow({ lesson: asked.get("lesson"), step: Number(asked.get("step") ?? 1) - 1, revealed: asked.get("revealed") === "1" });
channel.postMessage({ where: true });
ready();
