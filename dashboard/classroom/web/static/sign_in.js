import { ask, ready } from "./common.js";

document.getElementById("sign_in").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    await ask("/class/api/sign_in", { pin: document.getElementById("pin").value });
    location.assign(`/class/teacher?lang=${document.documentElement.lang}`);
  } catch (error) {
    document.getElementById("said").textContent = error.message;
  }
});
ready();
