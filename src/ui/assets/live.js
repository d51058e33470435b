// What pages do beyond being read; all of it can be done without.
"use strict";

const EVERY = 5000;
const part = document.querySelector("[data-live]");
const pause = document.querySelector("[data-live-pause]");
let paused = false;

// Refreshes a part of the page while somebody looks at it and works with nothing in it.
async function refresh() {
  const busy = paused || document.hidden || part.contains(document.activeElement);
  if (!busy) {
    try {
      const answer = await fetch(part.dataset.live, { credentials: "same-origin", redirect: "error" });
      if (answer.ok) {
        part.innerHTML = await answer.text();
      }
    } catch {
      // The server is away; what was seen last stays.
    }
  }
  setTimeout(refresh, EVERY);
}

if (part) {
  setTimeout(refresh, EVERY);
}
if (pause) {
  pause.hidden = false;
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.textContent = paused ? "Go on" : "Pause";
  });
}
const print = document.querySelector("[data-print]");
if (print) {
  print.hidden = false;
  print.addEventListener("click", () => window.print());
}
