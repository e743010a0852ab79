// A lesson on the projector without a class. Where it is stands in the address; the notes' window hears of it.

import { ask, words } from "./common.js";
import { fullScreen, layout, showStep, turned } from "./presenter_step.js";

const asked = new URLSearchParams(location.search);
const place = { lesson: asked.get("lesson") ?? "", step: Number(asked.get("step") ?? 1) - 1 || 0, revealed: false };
const channel = new BroadcastChannel("meddef_lesson");
let steps = Infinity;

// Parameters of what is asked for, with the key that a server with a login wants.
function query() {
  const given = { lesson: place.lesson, step: String(place.step + 1), revealed: String(Number(place.revealed)) };
  return new URLSearchParams({ ...given, key: asked.get("key") ?? "" });
}

function told() {
  channel.postMessage({ at: { ...place } });
}

async function show() {
  const wanted = query().toString();
  const current = () => query().toString() === wanted;
  told();
  try {
    await showStep({
      step: async () => {
        const step = await ask(`/present/step?${wanted}`);
        steps = step.steps;
        return step;
      },
      figures: () => ask(`/present/figures?${wanted}`),
      current,
    });
    document.getElementById("said").textContent = words.keys;
  } catch (error) {
    if (!current()) return;
    layout([]);
    document.getElementById("said").textContent = error.status ? error.message : words.lost;
  }
}

function move(change) {
  const step = Math.max(0, Math.min(place.step + change, steps - 1));
  if (step === place.step) return;
  Object.assign(place, { step, revealed: false });
  const address = query();
  address.delete("revealed");
  address.set("lang", document.documentElement.lang);
  history.replaceState(null, "", `?${address}`);
  show();
}

function reveal() {
  place.revealed = !place.revealed;
  show();
}

channel.onmessage = ({ data }) => {
  if (data.move) move(data.move);
  else if (data.reveal) reveal();
  else if (data.where) told();
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const name = event.key.toLowerCase();
  if (turned(name)) {
    event.preventDefault();
    move(turned(name));
  } else if (name === "r") reveal();
  else if (name === "f") fullScreen();
  else if (name === "n") {
    const address = query();
    address.set("lang", document.documentElement.lang);
    window.open(`/present/notes?${address}`, "meddef_notes");
  }
});
show();
