// What all pages of the classroom share. Text from people is set as textContent, never as HTML.

export const words = JSON.parse(document.getElementById("words").textContent);

export function say(key, values = {}) {
  return words[key].replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
}

export function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key.startsWith("aria-")) made.setAttribute(key, value);
    else made[key] = value;
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

export function put(id, ...children) {
  document.getElementById(id).replaceChildren(...children.filter((child) => child !== null && child !== undefined));
}

export class Refused extends Error {
  constructor(sentence, status) {
    super(sentence);
    this.status = status;
  }
}

export async function ask(path, message) {
  const language = document.documentElement.lang;
  const separator = path.includes("?") ? "&" : "?";
  const options =
    message === undefined
      ? {}
      : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(message) };
  const response = await fetch(`${path}${separator}lang=${language}`, { credentials: "same-origin", ...options });
  const found = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refused(found.error ?? words.lost, response.status);
  return found;
}

// The page is inert until its script has run, so that no button is pressed in vain.
export function ready() {
  document.querySelector("main").inert = false;
}

// Asks again and again, a little irregularly so that a class does not ask in step; a failure is asked again as well.
export function follow(look, milliseconds) {
  let timer = null;
  const turn = async () => {
    timer = null;
    try {
      await look();
    } finally {
      if (timer === null) timer = setTimeout(turn, milliseconds * (0.8 + 0.4 * Math.random()));
    }
  };
  const soon = () => {
    if (timer !== null) {
      clearTimeout(timer);
      timer = null;
      turn();
    }
  };
  turn();
  document.addEventListener("visibilitychange", soon);
  return soon;
}

export function bars(options, tally, answer) {
  const most = Math.max(1, ...tally.counts);
  return options.map((option, place) =>
    element(
      "div",
      { className: place === answer ? "bar right-one" : "bar" },
      element("span", { textContent: place === answer ? `✓ ${option}` : option }),
      element("progress", { max: most, value: tally.counts[place], "aria-label": option }),
      element("span", { textContent: String(tally.counts[place]) }),
    ),
  );
}

export function numbers(tally) {
  return element("p", { textContent: tally.numbers.map((each) => String(Number(each.toPrecision(6)))).join(" · ") });
}

export function clock(seconds) {
  const whole = Math.ceil(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
