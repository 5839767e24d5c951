// What other tabs of this browser should know at once: a turn has begun, a session has changed or gone. A hint, never the
// truth: who hears it asks the service.
// @ts-check

/** @typedef {{ what: "turn", sessionId: string, turn: number } | { what: "changed", sessionId: string, removed?: number } | { what: "gone", sessionId: string } | { what: "memory" }} News */

const channel = "BroadcastChannel" in globalThis ? new BroadcastChannel("edge-sessions") : null;

/** @param {News} news */
export const tellTabs = (news) => channel?.postMessage(news);

/** @param {(news: News) => void} listener */
export const onNews = (listener) => channel?.addEventListener("message", (event) => listener(event.data));
