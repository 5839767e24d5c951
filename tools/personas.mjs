// Holds the personas that are built in against their rules. The build does so first of all, so that a file that breaks one is never
// deployed; the Worker would answer nobody.
//
// The rules are those of src/config/persona.rs and src/domain/persona.rs, which PERSONAS has to keep at run time; the numbers
// are read from src/limits.rs, and tests/personas.json holds both to the same. `node tools/personas.mjs [folder]` checks alone.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { fail, root } from "./setup.mjs";

const FIELDS = ["name", "role", "description", "tags", "instructions"];
const DEFAULT = "default";

/** A limit of src/limits.rs, which may be a product. */
function limit(name) {
  const source = readFileSync(join(root, "src", "limits.rs"), "utf8");
  const number = new RegExp(`const ${name}: usize = ([\\d_ *]+);`).exec(source)?.[1];
  if (!number) fail(`src/limits.rs has no ${name}`);
  return number.split("*").reduce((product, factor) => product * Number(factor.replaceAll("_", "")), 1);
}

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const isText = (value) => typeof value === "string" && value.isWellFormed();

/** What is wrong with a text of one line; undefined when nothing is. */
function faultOfLabel(field, text, most) {
  if (!isText(text)) return `${field} must be a text`;
  const { length } = [...text];
  if (length < 1 || length > most) return `${field} must have 1 to ${most} characters`;
  if (/\p{Cc}/u.test(text)) return `${field} must not contain control characters`;
}

function faultOfInstructions(text) {
  const most = limit("PERSONA_BYTES");
  if (!isText(text)) return "instructions must be a text";
  if (Buffer.byteLength(text) > most) return `instructions must have at most ${most} bytes`;
  if (text.includes("\0")) return "instructions must not contain NUL characters";
}

function faultOfTags(tags) {
  const most = limit("PERSONA_TAGS");
  if (!Array.isArray(tags) || tags.length > most) return `tags must be a list of at most ${most}`;
  return tags.map((tag) => faultOfLabel("tags", tag, limit("NAME_CHARACTERS"))).find(Boolean);
}

function faultOfPersona(persona) {
  if (!isObject(persona)) return "it must be an object";
  const unknown = Object.keys(persona).find((field) => !FIELDS.includes(field));
  if (unknown !== undefined) return `${unknown} is no field of a persona`;
  const name = limit("NAME_CHARACTERS");
  return (
    faultOfLabel("name", persona.name, name) ??
    faultOfLabel("role", persona.role ?? persona.name, name) ??
    faultOfLabel("description", persona.description, limit("TITLE_CHARACTERS")) ??
    faultOfTags(persona.tags === undefined ? [] : persona.tags) ??
    faultOfInstructions(persona.instructions)
  );
}

/** What is wrong with each persona of a file. */
function faultsOf(personas) {
  const isId = (id) => /^[A-Za-z0-9_-]+$/.test(id) && id.length <= limit("NAME_CHARACTERS");
  const fault = ([id, persona]) => (isId(id) ? faultOfPersona(persona) : `its id must have 1 to ${limit("NAME_CHARACTERS")} letters, digits, _ or -`);
  return Object.entries(personas).flatMap((entry) => (fault(entry) ? [`${entry[0]}: ${fault(entry)}`] : []));
}

/** Ends with what is wrong in `folder`, if anything is. */
export function checkPersonas(folder = join(root, "src", "personas")) {
  const ids = new Set();
  const faults = readdirSync(folder).filter((name) => name.endsWith(".json")).flatMap((name) => {
    const path = join(folder, name);
    try {
      const personas = JSON.parse(readFileSync(path, "utf8"));
      if (!isObject(personas)) return [`${path}: it must be an object, a persona under each id`];
      Object.keys(personas).forEach((id) => ids.add(id));
      return faultsOf(personas).map((fault) => `${path}: ${fault}`);
    } catch (error) {
      return [`${path}: ${error.message}`];
    }
  });
  if (!ids.has(DEFAULT)) faults.push(`${folder}: ${DEFAULT} is missing`);
  if (ids.size > limit("PERSONAS")) faults.push(`${folder}: there must be at most ${limit("PERSONAS")} personas`);
  if (faults.length > 0) fail(`personas that cannot be deployed:\n${faults.join("\n")}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) checkPersonas(process.argv[2]);
