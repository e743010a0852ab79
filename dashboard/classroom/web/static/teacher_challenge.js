// Starting and ending a challenge.

import { element, put, words } from "./common.js";

export function challenges(offered, act, task) {
  const sample = element("select", { "aria-label": words.challenge_scan });
  const fill = () =>
    sample.replaceChildren(
      ...offered.samples
        .filter((each) => each.task === task())
        .map((each) => element("option", { value: each.key, textContent: each.title })),
    );
  fill();
  document.getElementById("task").addEventListener("change", fill);
  const start = (kind) => act("start_challenge", { kind, task: task(), sample: sample.value });
  put(
    "challenges",
    element("h2", { textContent: words.challenge }),
    sample,
    element(
      "div",
      { className: "row" },
      element("button", { textContent: words.challenge_smallest, onclick: () => start("smallest") }),
      element("button", { textContent: words.challenge_filter, onclick: () => start("filter") }),
      element("button", { textContent: words.challenge_close, onclick: () => act("close_challenge") }),
      element("button", { textContent: words.challenge_reveal, onclick: () => act("reveal_challenge") }),
    ),
  );
}
