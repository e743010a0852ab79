// The challenge on the projector: the scan, the leaderboard of re-measured values, and the queue.

import { element, say, words } from "./common.js";

export function contest(tried) {
  const smallest = tried.kind === "smallest";
  const parts = [element("h1", { textContent: words[smallest ? "challenge_smallest" : "challenge_filter"] })];
  parts.push(element("p", { textContent: say("queue", { n: tried.queued }) }), element("h2", { textContent: words.leaders }));
  const rows = tried.leaders.map(({ seat, nickname, score, chosen, adaptive }) => {
    const name = nickname ?? say("nameless", { n: seat });
    const cells = [name, score, chosen];
    if (tried.revealed && !smallest && adaptive !== null) cells.push(`${words.adaptive}: ${words[adaptive ? "broke" : "held"]}`);
    return element("li", { textContent: cells.join(" · ") });
  });
  parts.push(element("ol", {}, ...rows));
  return { pictures: tried.images.map((image) => ({ src: image.src, caption: image.caption })), parts };
}
