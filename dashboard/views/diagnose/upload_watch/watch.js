// Streamlit refuses a file in the browser (too large, connection lost) without telling the server: the page would go on
// showing the scan before, beside the name of the file that was refused. This tells the server.
export default function ({ data, setTriggerValue }) {
  const told = new WeakSet();

  function look() {
    for (const chip of document.querySelectorAll(`.st-key-${data.box} [data-testid="stFileChip"][aria-invalid]`)) {
      if (told.has(chip)) continue;
      told.add(chip);
      setTriggerValue("lost", true);
    }
  }

  const observer = new MutationObserver(look);
  observer.observe(document.body, { subtree: true, childList: true, attributeFilter: ["aria-invalid"] });
  look();
  return () => observer.disconnect();
}
