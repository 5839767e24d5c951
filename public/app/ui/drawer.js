// The list of sessions as a drawer, where the screen is narrow: what lies behind cannot be reached while it is open.
// @ts-check
import { byId } from "../dom.js";

export const isNarrow = () => matchMedia("(max-width: 52rem)").matches;
export const isDrawerOpen = () => byId("sidebar").classList.contains("is-open");

/** @param {boolean} isOpen */
export function setDrawer(isOpen) {
  const was = isDrawerOpen();
  byId("sidebar").classList.toggle("is-open", isOpen);
  byId("scrim").hidden = !isOpen;
  byId("main").inert = isOpen;
  byId("open-sidebar").setAttribute("aria-expanded", String(isOpen));
  if (isOpen) byId("close-sidebar").focus();
  else if (was && document.activeElement?.closest("#sidebar, #scrim")) byId("open-sidebar").focus();
}

export function startDrawer() {
  byId("open-sidebar").addEventListener("click", () => setDrawer(true));
  byId("close-sidebar").addEventListener("click", () => setDrawer(false));
  byId("scrim").addEventListener("click", () => setDrawer(false));
  matchMedia("(max-width: 52rem)").addEventListener("change", () => setDrawer(false));
}
