// Mouse, wheel, pen and fingers on the stage.
const NOTCH = 40; // of a wheel or a touchpad, for one slice
const SWIPE = 14; // screen pixels, for one slice
const TRAVEL = 250; // screen pixels that change a window by its own width
const GRIP = 10; // screen pixels beside the swipe's edge
const WHEEL_ZOOM = 0.002;

function placeOf(viewer, event) {
  const box = viewer.nodes.stage.getBoundingClientRect();
  return { x: event.clientX - box.left, y: event.clientY - box.top };
}

function middleOf(places) {
  const [one, other] = places;
  return { x: (one.x + other.x) / 2, y: (one.y + other.y) / 2, apart: Math.hypot(one.x - other.x, one.y - other.y) };
}

// What a drag that begins here does.
function jobOf(viewer, event, place) {
  if (event.button === 1 || viewer.space) return "move";
  if (swiped(viewer) && Math.abs(place.x - edgeOf(viewer)) <= GRIP) return "swipe";
  return viewer.tool;
}

function dragged(viewer, drag, place) {
  const across = place.x - drag.last.x, down = place.y - drag.last.y;
  if (drag.job === "window") toneBy(viewer, across / TRAVEL, down / TRAVEL);
  else if (drag.job === "move") moveBy(viewer, across, down);
  else if (drag.job === "slices") goTo(viewer, drag.at + Math.round((place.x - drag.from.x) / SWIPE));
  else if (drag.job === "swipe") {
    const [left] = toStage(viewer, 0, 0), [right] = toStage(viewer, viewer.data.size.width, 0);
    setShare(viewer, Math.round((100 * (place.x - left)) / (right - left)));
  }
  drag.last = place;
  viewer.refresh();
}

function pinched(viewer, before, now) {
  moveBy(viewer, now.x - before.x, now.y - before.y);
  if (before.apart > 0) zoomAt(viewer, now.apart / before.apart, inPane(viewer, now.x), now.y);
  viewer.refresh();
}

function onPointers(viewer, stage) {
  const fingers = new Map();
  let drag = null;

  stage.addEventListener("pointerdown", (event) => {
    if (event.button > 1) return;
    if (event.button === 1) event.preventDefault(); // the browser would scroll
    const place = placeOf(viewer, event);
    fingers.set(event.pointerId, place);
    stage.setPointerCapture(event.pointerId);
    stage.focus({ preventScroll: true });
    drag = fingers.size > 1 ? null : { job: jobOf(viewer, event, place), from: place, last: place, at: viewer.at };
  });
  stage.addEventListener("pointermove", (event) => {
    if (!fingers.has(event.pointerId)) return;
    const place = placeOf(viewer, event);
    const before = fingers.size === 2 ? middleOf(fingers.values()) : null;
    fingers.set(event.pointerId, place);
    if (before !== null) pinched(viewer, before, middleOf(fingers.values()));
    else if (drag !== null) dragged(viewer, drag, place);
  });
  for (const name of ["pointerup", "pointercancel"]) {
    stage.addEventListener(name, (event) => {
      fingers.delete(event.pointerId);
      drag = null; // a finger that stays after a pinch does nothing
    });
  }
  stage.addEventListener("dblclick", () => showWhole(viewer));
}

// In a volume the wheel turns slices, and with Ctrl it zooms, as a pinch on a touchpad does. The page scrolls on at
// either end, so that nobody is caught over the picture.
function onWheel(viewer, stage) {
  let turned = 0;
  stage.addEventListener("wheel", (event) => {
    const { slices } = viewer.data, ahead = event.deltaY > 0;
    if (slices && !event.ctrlKey) {
      if (viewer.at === (ahead ? slices.texts.length : 1)) return;
      event.preventDefault();
      turned += event.deltaY;
      const steps = Math.trunc(turned / NOTCH);
      turned -= steps * NOTCH;
      goTo(viewer, viewer.at + bounded(steps, -3, 3));
      return;
    }
    if (ahead && viewer.view.zoom <= 1 && !event.ctrlKey) return;
    event.preventDefault();
    const place = placeOf(viewer, event);
    zoomAt(viewer, Math.exp(-event.deltaY * WHEEL_ZOOM * (event.ctrlKey ? 4 : 1)), inPane(viewer, place.x), place.y);
    viewer.refresh();
  }, { passive: false });
}

function onKeys(viewer, stage) {
  stage.addEventListener("keydown", (event) => {
    if (event.key === " ") {
      viewer.space = true;
      event.preventDefault();
      return;
    }
    const action = actionOf(viewer, event);
    if (action === null) return;
    event.preventDefault();
    event.stopPropagation(); // Streamlit has keys of its own
    action.run(viewer);
    viewer.say();
  });
  stage.addEventListener("keyup", (event) => {
    if (event.key === " ") viewer.space = false;
  });
  stage.addEventListener("blur", () => { viewer.space = false; });
}
