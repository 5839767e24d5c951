// Scrolling that respects the reader: it follows what is said only while the end is in view. Scrolling up unpins at once,
// coming back to the end pins again.
// @ts-check
import { byId } from "../dom.js";

/** Nearer than this to the end is at the end, in pixels. */
const NEAR = 32;

let isPinned = true;
let lastTop = 0;
/** @type {() => void} */
let onTop = () => {};

const log = () => byId("log");
/** What greets is no conversation: it is read from its beginning. */
const isGreeting = () => Boolean(byId("thread").querySelector(":scope > .hero"));
const distance = () => log().scrollHeight - log().scrollTop - log().clientHeight;

/** @param {() => void} ontop called when the oldest message that is there comes near */
export function startScroll(ontop) {
  onTop = ontop;
  log().addEventListener("scroll", scrolled, { passive: true });
  byId("jump").addEventListener("click", () => {
    toEnd({ isSmooth: true });
    byId("message").focus({ preventScroll: true });
  });
  // Whatever changes a height: an answer that grows, code that gets its colours, a keyboard that comes up.
  const sizes = new ResizeObserver(() => (isPinned && !isGreeting() ? toEnd() : show()));
  sizes.observe(log());
  sizes.observe(byId("thread"));
}

function scrolled() {
  const { scrollTop } = log();
  if (distance() < NEAR) isPinned = true;
  // Only a reader scrolls up.
  else if (scrollTop < lastTop - 1) isPinned = false;
  lastTop = scrollTop;
  if (scrollTop < 600) onTop();
  show();
}

function show() {
  byId("jump").hidden = isPinned || distance() < NEAR || isGreeting();
  byId("bar").classList.toggle("is-over", log().scrollTop > 4);
}

/** Goes to the end and stays there. @param {{ isSmooth?: boolean }} [how] */
export function toEnd({ isSmooth = false } = {}) {
  isPinned = true;
  const behavior = isSmooth && !matchMedia("(prefers-reduced-motion: reduce)").matches ? "smooth" : "instant";
  log().scrollTo({ top: isGreeting() ? 0 : log().scrollHeight, behavior });
  if (behavior === "instant") lastTop = log().scrollTop;
  show();
}

/** Brings an element into view; the end is no longer followed. @param {HTMLElement} element */
export function toElement(element) {
  isPinned = false;
  element.scrollIntoView({ block: "center", behavior: "instant" });
  lastTop = log().scrollTop;
  show();
}

/** Lets `change` add or take what is above, and keeps what is read where it is. @param {() => void} change */
export function keepPlace(change) {
  const { scrollHeight, scrollTop } = log();
  // Ours alone: browsers that anchor would do it a second time.
  log().style.overflowAnchor = "none";
  change();
  if (!isPinned) log().scrollTop = scrollTop + log().scrollHeight - scrollHeight;
  lastTop = log().scrollTop;
  requestAnimationFrame(() => (log().style.overflowAnchor = ""));
}
