// A result below the screen is scrolled to, once for each mark: a page that is drawn again stays where it is.
const LEAST = 160; // pixels of the box that must be on the screen
const HEADER = "4.5rem"; // what Streamlit's own header covers on a narrow screen
const SETTLED = 150; // milliseconds until what was drawn has its place

function shows(box) {
  const { top, bottom } = box.getBoundingClientRect();
  return top >= 0 && Math.min(bottom, top + LEAST) <= window.innerHeight;
}

export default function ({ data }) {
  window.meddefRevealed ??= new Set();
  if (data.mark === "" || window.meddefRevealed.has(data.mark)) return;
  window.meddefRevealed.add(data.mark);
  setTimeout(() => {
    const box = document.querySelector(`.st-key-${data.box}`);
    if (!box || shows(box)) return;
    box.style.scrollMarginTop = HEADER;
    box.scrollIntoView({ block: "start" });
  }, SETTLED);
}
