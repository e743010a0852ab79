// A page that writes its settings into its own address must not fill the history with them: Streamlit pushes an entry for
// each, and Back would walk through all of them. An entry of the same page is replaced; another page still gets its own.
function replaceOwnEntries() {
  if (window.history.replacesOwn) return;
  const { pushState, replaceState } = window.history;
  window.history.replacesOwn = true;
  window.history.pushState = function (state, unused, url) {
    const own = url !== undefined && new URL(url, location.href).pathname === location.pathname;
    return (own ? replaceState : pushState).call(this, state, unused, url);
  };
}

export default function ({ data }) {
  replaceOwnEntries();
  document.documentElement.classList.toggle("meddef-dark", data.dark);
}
