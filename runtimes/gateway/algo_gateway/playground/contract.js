// What the algorithm takes and answers, as the head of the page says it.

import { byId, make } from "./dom.js";
import { isTelling } from "./schema.js";
import { written } from "./result.js";

const DEEP = 6;

/** Return what comes back, by its content types: json, text, stream, or a kind of bytes. */
export function givenIn(kinds) {
  if (kinds.includes("text/event-stream")) return "stream";
  if (kinds.includes("application/json")) return "json";
  return kinds[0]?.startsWith("text/") ? "text" : kinds[0] ?? "json";
}

/** Show both sides: `takes` (guessed from a sample when `guessed`, null when nothing is known). */
export function sign({ schemas, takes, guessed, gives, kind }) {
  const left = takes ? schemas.words(takes) : "anything";
  const right = isTelling(gives) ? schemas.words(gives) : ["json", "stream"].includes(kind) ? "" : kind;
  const streams = kind === "stream" ? ["a stream", ...(right ? [" of "] : [])] : [];
  byId("signature").replaceChildren(guessed ? "Takes, to go by its sample, " : "Takes ", make("code", {}, left),
    ...(right || streams.length ? [", answers ", ...streams] : []), ...(right ? [make("code", {}, right)] : []));
  const known = takes !== null && !guessed;
  byId("contract").hidden = !known && !isTelling(gives);
  byId("takes-schema").textContent = known ? written(opened(schemas, takes)) : "anything";
  byId("answers-schema").textContent = isTelling(gives) ? written(opened(schemas, gives)) : right || "anything";
}

/** Return a schema with its references put in place, as deep as people read. */
function opened(schemas, schema, depth = 0) {
  if (Array.isArray(schema)) return schema.map((one) => opened(schemas, one, depth));
  if (!schema || typeof schema !== "object") return schema;
  if (schema.$ref && depth < DEEP) return opened(schemas, schemas.resolve(schema), depth + 1);
  return Object.fromEntries(Object.entries(schema).map(([name, one]) => [name, opened(schemas, one, depth + 1)]));
}
