// How a failure looks: what happened, in the service's own words, what to do about it, and the number that finds it in
// the log.
// @ts-check
import { h, icon } from "../dom.js";
import { toast } from "./toast.js";

/** @type {Record<string, string>} */
const TITLES = {
  CREDENTIALS_REQUIRED: "This service does not know you",
  INVALID_CREDENTIALS: "This service does not know you",
  INSUFFICIENT_SCOPE: "Not allowed",
  MISCONFIGURED: "The service is not set up yet",
  SESSION_NOT_FOUND: "This session is not there any more",
  INVALID_SESSION: "This session is not there any more",
  SESSION_LIMIT: "You have as many sessions as you may",
  RATE_LIMITED: "That was too much at once",
  MODEL_RATE_LIMITED: "The model has too much to do",
  MODEL_REFUSED: "The model does not answer this",
  MODEL_UNAVAILABLE: "The model cannot be reached",
  MODEL_TIMEOUT: "The model took too long",
  TURN_INTERRUPTED: "The answer was interrupted",
  TURN_IN_PROGRESS: "Another answer is being written",
  PRECONDITION_FAILED: "It was changed elsewhere meanwhile",
  TOO_LARGE: "That is too long",
};

/** @type {Record<string, string>} */
const ADVICE = {
  CREDENTIALS_REQUIRED: "For a public page set AUTH_MODE=visitor and the secret VISITOR_SECRET; visitors are then told apart by a cookie. On your own machine, npm start sets AUTH_MODE=open.",
  MISCONFIGURED: "Set what is missing, in wrangler.toml or with wrangler secret put, and load this page again.",
  SESSION_LIMIT: "Delete a session that you no longer need, and try again.",
};

/** What the service says to programs, said to people. @type {Record<string, string>} */
const WORDS = {
  MODEL_UNAVAILABLE: "It gave no answer. What you said is kept.",
  MODEL_TIMEOUT: "It gave no answer in time. What you said is kept.",
  MODEL_RATE_LIMITED: "Try again in a moment. What you said is kept.",
  MODEL_REFUSED: "Saying it again will not help; saying it differently may.",
  TURN_INTERRUPTED: "The service was restarted meanwhile. What was said so far is kept.",
  INVALID_SESSION: "It has expired or was deleted. Sessions end when nothing is said in them for a while.",
  SESSION_NOT_FOUND: "It has expired or was deleted. Sessions end when nothing is said in them for a while.",
};

/** @param {any} error */
const wordsOf = (error) => WORDS[error?.code ?? ""] ?? String(error?.message ?? error);

/** @param {any} error */
export const titleOfProblem = (error) => (error?.isUnreachable ? "No connection" : TITLES[error?.code ?? ""] ?? "That did not work");

/** @param {any} error @param {...any} actions buttons */
export function problemCard(error, ...actions) {
  const advice = error?.isUnreachable ? "What you write is kept. It can be sent again when you are back online." : ADVICE[error?.code ?? ""];
  return h("div", { class: "problem" },
    h("b", {}, icon("alert"), titleOfProblem(error)),
    h("p", {}, wordsOf(error)),
    advice && h("p", {}, advice),
    error?.requestId && h("small", {}, `Request ${error.requestId}`),
    actions.some(Boolean) && h("div", { class: "problem-actions" }, ...actions));
}

/** Says what went wrong where there is no better place. @param {any} error */
export const complain = (error) => void toast(`${titleOfProblem(error)}: ${error.message}`, { seconds: 8 });
