// Slices of a volume by wheel, keys and swipe. Every slice is shown at once from its preview; the server is asked for its
// prediction when the reader rests on one.
const REST = 350; // milliseconds
const NOTCH = 40; // of a wheel or a touchpad, for one slice
const SWIPE = 14; // pixels of a finger, for one slice
const LEAP = 10; // slices of Page Up and Page Down

function bounded(value, low, high) {
  return Math.min(high, Math.max(low, value));
}

function stepOf(key, at, last) {
  switch (key) {
    case "ArrowLeft": case "ArrowDown": return at - 1;
    case "ArrowRight": case "ArrowUp": return at + 1;
    case "PageDown": return at - LEAP;
    case "PageUp": return at + LEAP;
    case "Home": return 1;
    case "End": return last;
    default: return null;
  }
}

function attach(root, state) {
  const stage = root.querySelector(".stage"), picture = root.querySelector(".picture");
  const badge = root.querySelector(".badge");

  state.show = () => {
    const { slices, at } = state;
    const slice = slices[at - 1];
    picture.src = slice.url;
    picture.style.visibility = slice.url ? "visible" : "hidden";
    badge.textContent = slice.text;
    stage.setAttribute("aria-valuenow", String(at));
    stage.setAttribute("aria-valuetext", slice.text);
    for (const near of [at - 2, at]) if (slices[near]?.url) new Image().src = slices[near].url;
  };

  function go(number) {
    const next = bounded(number, 1, state.slices.length);
    if (next === state.at) return;
    state.at = next;
    state.show();
    clearTimeout(state.timer);
    state.timer = setTimeout(() => { if (state.at !== state.asked) { state.asked = state.at; state.tell(state.at); } }, REST);
  }

  let turned = 0;
  // The page scrolls on at either end, so that nobody is caught over the picture.
  stage.addEventListener("wheel", (event) => {
    if (event.ctrlKey) return;
    const ahead = event.deltaY > 0;
    if ((ahead && state.at === state.slices.length) || (!ahead && state.at === 1)) return;
    event.preventDefault();
    turned += event.deltaY;
    const slices = Math.trunc(turned / NOTCH);
    if (slices === 0) return;
    turned -= slices * NOTCH;
    go(state.at + bounded(slices, -3, 3));
  }, { passive: false });

  stage.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const next = stepOf(event.key, state.at, state.slices.length);
    if (next === null) return;
    event.preventDefault();
    go(next);
  });

  let from = null;
  stage.addEventListener("pointerdown", (event) => {
    from = { x: event.clientX, at: state.at };
    stage.setPointerCapture(event.pointerId);
    stage.focus({ preventScroll: true });
  });
  stage.addEventListener("pointermove", (event) => {
    if (from !== null) go(from.at + Math.round((event.clientX - from.x) / SWIPE));
  });
  for (const name of ["pointerup", "pointercancel"]) stage.addEventListener(name, () => { from = null; });
}

export default function ({ parentElement, data, setTriggerValue }) {
  const root = parentElement;
  const stage = root.querySelector(".stage");
  if (root.sliced === undefined || root.sliced.stage !== stage) {
    root.sliced = { stage, timer: 0, at: data.at, asked: data.at };
    attach(root, root.sliced);
  }
  const state = root.sliced;
  state.slices = data.slices;
  state.tell = (number) => setTriggerValue("slice", number);
  // What the server shows wins, unless the reader has moved on since it was asked.
  if (data.at !== state.told || data.volume !== state.volume) {
    clearTimeout(state.timer);
    state.at = state.asked = state.told = data.at;
    state.volume = data.volume;
  }
  stage.setAttribute("aria-label", data.words.label);
  stage.setAttribute("aria-valuemin", "1");
  stage.setAttribute("aria-valuemax", String(data.slices.length));
  root.querySelector(".hint").textContent = data.words.hint;
  state.show();
}
