// The server does not know how wide the screen is: whether a strip of samples scrolls is only known here.
export default function ({ data, parentElement }) {
  const line = parentElement.querySelector("p") ?? parentElement.appendChild(document.createElement("p"));
  line.textContent = data.words;
  line.style.cssText = "margin: 0; font-size: 0.875rem; opacity: 0.8;";

  function look() {
    const box = document.querySelector(`.st-key-${data.box}`);
    const parts = box ? [box, ...box.querySelectorAll("div")] : [];
    const scrolls = parts.some(
      (part) => part.scrollWidth > part.clientWidth + 1 && /auto|scroll/.test(getComputedStyle(part).overflowX),
    );
    line.hidden = !scrolls;
  }

  const resized = new ResizeObserver(look);
  resized.observe(document.body);
  const changed = new MutationObserver(look);
  const box = document.querySelector(`.st-key-${data.box}`);
  if (box) changed.observe(box, { subtree: true, childList: true });
  look();
  return () => {
    resized.disconnect();
    changed.disconnect();
  };
}
