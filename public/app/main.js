// Brings the page to life: finds out who is asking, loads the list, shows what the address names, and hands news from one
// part to the others. Every part is a file of its own; this one only knows them.
// @ts-check
import { health } from "./api.js";
import { byId, h } from "./dom.js";
import { identify } from "./identity.js";
import { loadPersonas } from "./personas.js";
import { onRoute, route } from "./router.js";
import { onNews } from "./tabs.js";
import { abandon, follow, isRunning } from "./turns.js";
import { gone, lookAgain, prepareConversation, show, startView, stopNow, tick, view } from "./chat/view.js";
import { setClosed, setNote } from "./chat/composer.js";
import { createAs } from "./sessions/begin.js";
import { everyWhile } from "./sessions/expiry.js";
import { drawList } from "./sessions/list.js";
import { drop, onSessions, put, refresh, state } from "./sessions/store.js";
import { startBanner } from "./ui/banner.js";
import { isDrawerOpen, isNarrow, setDrawer, startDrawer } from "./ui/drawer.js";
import { problemCard } from "./ui/problem.js";
import { closePanel, isPanelOpen, load, loadSearch, openCreate, openPanel, openSheet, redrawPanel } from "./ui/later.js";
import { MOD, startShortcuts } from "./ui/shortcuts.js";
import { startThemeButton } from "./ui/theme-button.js";

let isStarted = false;

/** 1. What works without the service. 2. Who asks. 3. What there is. */
async function start() {
  startThemeButton();
  startDrawer();
  byId("toggle-panel").addEventListener("click", togglePanel);
  prepareSearch();
  startView();
  startShortcuts({ search, create, stop: stopNow, write: () => byId("message").focus(), panel: togglePanel, close });
  startBanner(() => void (isStarted ? again() : enter()));
  byId("search-key").textContent = `${MOD} K`;
  byId("new-session").addEventListener("click", create);
  byId("shortcuts").addEventListener("click", () => void openSheet());
  byId("skip").addEventListener("click", (/** @type {Event} */ event) => (event.preventDefault(), byId("message").focus()));
  await enter();
}

async function enter() {
  try {
    const who = await identify();
    state.user = who.name;
    createAs(who);
  } catch (error) {
    const again = h("button", { class: "button small", type: "button", onclick: () => void enter() }, "Try again");
    byId("thread").replaceChildren(h("div", { class: "hero" }, problemCard(error, again)));
    byId("session-list").replaceChildren(h("p", { class: "empty" }, "Your sessions are shown here once the service answers."));
    return setClosed("The service does not answer yet");
  }
  setClosed("");
  if (isStarted) return again();
  isStarted = true;
  listen();
  void show();
  void refresh();
  void loadPersonas().then(drawList, () => {});
  void health().then(({ model }) => setNote(model.is_language_model ? "Answers can be wrong. Check what matters." : "The built-in responder answers. It is not a language model."), () => {});
  // Whoever begins to write will get an answer.
  setTimeout(() => load("/app/sessions/leftovers.js").then(({ clearLeftovers }) => clearLeftovers()).catch(() => {}), LATER_MS);
  byId("message").addEventListener("input", () => void prepareConversation(), { once: true });
}

/** When everything that is wanted at once has been loaded. */
const LATER_MS = 10_000;

/** Everything anew, quietly: back online, or looked at again after a while. */
async function again() {
  await refresh();
  if (view.id !== null && !view.session && !document.getElementById("expired")) void show({ isReload: true });
  else void lookAgain();
}

/** What one part tells the others. */
function listen() {
  onRoute(() => {
    void show();
    if (isNarrow()) setDrawer(false);
    if (!isSearching()) drawList();
    void redrawPanel();
  });
  onSessions(() => !isSearching() && drawList());
  addEventListener("open-panel", (event) => void openPanel(/** @type {CustomEvent} */ (event).detail));
  addEventListener("memory-changed", () => void redrawPanel("memory"));
  addEventListener("context-changed", () => void redrawPanel("context"));
  onNews(hear);
  addEventListener("turns-changed", (event) => {
    const { detail: turn } = /** @type {CustomEvent} */ (event);
    if (!isSearching()) drawList();
    if (isRunning(turn.sessionId)) return;
    void refresh();
  });
  everyWhile((now) => {
    tick(now);
    if (!isSearching()) drawList();
  });
  let seen = Date.now();
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible" && Date.now() - seen > 5000) void again();
    seen = Date.now();
  });
}

/** @param {import("./tabs.js").News} news */
function hear(news) {
  if (news.what === "memory") return void dispatchEvent(new CustomEvent("memory-changed"));
  if (news.what === "gone") {
    abandon(news.sessionId);
    drop(news.sessionId);
    return gone(news.sessionId);
  }
  if (news.what === "turn") {
    const listed = state.byId.get(news.sessionId);
    if (listed) put({ ...listed, running_turn: news.turn });
    if (news.sessionId === view.id) follow(news.sessionId, news.turn);
    return;
  }
  void refresh();
  if (news.sessionId === view.id) void lookAgain(news.removed);
}

/** Loads the search for whoever comes to its field, or, where that has failed, comes again or writes on. */
function prepareSearch() {
  const heard = new AbortController();
  const begin = () => {
    heard.abort();
    loadSearch().then(({ startSearch }) => startSearch(), prepareSearch);
  };
  for (const what of ["focus", "input"]) byId("search").addEventListener(what, begin, { signal: heard.signal });
}

const isSearching = () => byId("search").value.trim() !== "";

function create() {
  setDrawer(false);
  void openCreate(view.persona);
}

function search() {
  if (isNarrow()) setDrawer(true);
  byId("search").focus();
  byId("search").select();
}

const togglePanel = () => void (isPanelOpen() ? closePanel() : openPanel());

function close() {
  if (isDrawerOpen()) setDrawer(false);
  // Where it lies over the conversation.
  else if (isPanelOpen() && matchMedia("(max-width: 75rem)").matches) void closePanel();
  else if (isSearching()) void loadSearch().then(({ clearSearch }) => clearSearch());
  else return false;
  return true;
}

void start();
