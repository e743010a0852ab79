// The challenge on the phone: choose, try, wait, read what was measured.

import { ask, element, say, words } from "./common.js";

const FILTERS = { jpeg: "JPEG", bits: words.bits, median: words.median };
const kept = { attack: "pgd", eps: 8, steps: 10, filter: "jpeg", strength: 75 };
let message = "";

function select(name, label, options, redraw) {
  const field = element(
    "select",
    { id: name, onchange: () => { kept[name] = Number.isNaN(Number(field.value)) ? field.value : Number(field.value); redraw(); } },
    ...options.map(([value, text]) => element("option", { value: String(value), textContent: text, selected: String(kept[name]) === String(value) })),
  );
  return element("div", {}, element("label", { htmlFor: name, textContent: label }), field);
}

export function challenge(given, soon) {
  const box = element("div");
  const redraw = () => box.replaceChildren(...parts(given, soon, redraw));
  redraw();
  return [box];
}

function parts(given, soon, redraw) {
  const smallest = given.kind === "smallest";
  const fields = smallest ? attack(given, redraw) : filter(given, redraw);
  const busy = given.mine.some((each) => each.state === "waiting" || each.state === "running");
  const press = async () => {
    try {
      const chosen = smallest
        ? { attack: kept.attack, eps: kept.eps, steps: kept.steps }
        : { filter: kept.filter, strength: kept.strength };
      await ask("/class/api/attempt", { challenge: given.id, ...chosen });
      message = "";
    } catch (error) {
      message = error.message;
    }
    redraw();
    soon();
  };
  const button = element("button", { className: "main", type: "button", textContent: words.try, disabled: busy || !given.open, onclick: press });
  return [
    element("h2", { textContent: words[smallest ? "challenge_smallest" : "challenge_filter"] }),
    element("div", { className: "row" }, ...fields),
    button,
    element("p", { className: "error", textContent: message }),
    ...given.mine.slice(-3).reverse().map((each) => element("p", { textContent: told(given, each) })),
    given.best ? element("p", { className: "right", textContent: say("best", { best: given.best }) }) : null,
  ].filter((part) => part !== null);
}

function attack(given, redraw) {
  const fields = [
    select("attack", words.attack, [["pgd", "PGD"], ["fgsm", "FGSM"]], redraw),
    select("eps", words.epsilon, given.limits.eps.map((each) => [each, `${each}/255`]), redraw),
  ];
  if (kept.attack === "pgd") fields.push(select("steps", words.steps, given.limits.steps.map((each) => [each, String(each)]), redraw));
  return fields;
}

function filter(given, redraw) {
  const strengths = given.limits.filters[kept.filter];
  if (!strengths.includes(kept.strength)) kept.strength = strengths[0];
  return [
    select("filter", words.filter, Object.entries(FILTERS), redraw),
    select("strength", words.strength, strengths.map((each) => [each, String(each)]), redraw),
  ];
}

function told(given, { chosen, state, ahead, found }) {
  if (state === "waiting") return `${chosen}: ${say("waiting", { n: ahead })}`;
  if (state === "running") return `${chosen}: ${words.running}`;
  if (state === "failed") return `${chosen}: ${words.failed}`;
  if (given.kind === "smallest") {
    return `${chosen}: ${found.changed ? say("changed", { measured: found.measured }) : words.unchanged}`;
  }
  if (!found.keeps) return `${chosen}: ${words.broke_clean}`;
  const stopped = found.stopped ? say("stopped", { change: found.measured }) : words.not_stopped;
  if (found.adaptive === undefined) return `${chosen}: ${stopped}`;
  return `${chosen}: ${stopped} ${found.adaptive ? words.adaptive_broke : words.adaptive_held}`;
}
