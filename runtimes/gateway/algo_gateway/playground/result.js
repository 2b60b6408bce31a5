// A result as people read it: text, numbers, tables, plots and images, by what it is.

import { byId, inBytes, make } from "./dom.js";
import { plot, shades, short } from "./plot.js";
import { isGrid } from "./schema.js";

const MOST_ROWS = 200;
const MOST_DEEP = 5;
const MOST_NUMBERS = 5000;
const MOST_TEXT = 200_000;

/** Return an element that shows an answer. */
export function shown(answer) {
  if (answer.bytes && answer.value === null) return binary(answer);
  return value(answer.value, "result", 0);
}

/** Return an element that shows a value of JSON. */
export function value(one, label, depth) {
  if (one === null || typeof one === "boolean") return scalar(String(one), depth);
  if (typeof one === "number") return scalar(depth ? short(one) : String(one), depth);
  if (typeof one === "string") return text(one, label, depth);
  if (depth > MOST_DEEP) return raw(one);
  if (Array.isArray(one)) return array(one, label, depth);
  return object(one, depth);
}

/** Return JSON as it is read best: indented, but rows of numbers on one line. */
export function written(one, indent = "") {
  const inner = `${indent}  `;
  if (Array.isArray(one)) {
    if (one.every((part) => part === null || typeof part !== "object")) return JSON.stringify(one).replaceAll(",", ", ");
    return `[\n${one.map((part) => inner + written(part, inner)).join(",\n")}\n${indent}]`;
  }
  if (one && typeof one === "object") {
    const parts = Object.entries(one).map(([name, part]) => `${inner}${JSON.stringify(name)}: ${written(part, inner)}`);
    return parts.length ? `{\n${parts.join(",\n")}\n${indent}}` : "{}";
  }
  return JSON.stringify(one);
}

/** Return a value as JSON; of a long one the beginning, and all of it to be saved. */
export function raw(one) {
  const text = typeof one === "string" ? one : written(one);
  const shown = make("pre", { class: "code", tabindex: "0" }, text.slice(0, MOST_TEXT));
  if (text.length <= MOST_TEXT) return shown;
  const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  return make("div", {}, shown, make("p", { class: "hint" }, `This is the beginning of ${inBytes(text.length)}. `,
    make("a", { href: url, download: "result.json" }, "Save all")));
}

function scalar(said, depth) {
  return make("span", { class: depth ? "scalar" : "scalar alone" }, said);
}

function text(one, label, depth) {
  if (/^data:image\/(png|jpeg|gif|webp|bmp);base64,/.test(one)) return image(one, label);
  if (/^data:audio\/[\w.+-]+;base64,/.test(one)) return make("audio", { controls: true, src: one });
  if (/^iVBORw0KGgo|^\/9j\/4/.test(one) && one.length > 100) {
    return image(`data:image/${one.startsWith("i") ? "png" : "jpeg"};base64,${one}`, label);
  }
  if (one.length > 80 || one.includes("\n")) return make("p", { class: "prose" }, one);
  return scalar(one, depth);
}

function image(source, label) {
  return make("figure", {}, make("img", { src: source, alt: `${label}, an image` }));
}

function array(one, label, depth) {
  if (!one.length) return scalar("an empty list", depth || 1);
  const numeric = one.every((part) => typeof part === "number");
  if (numeric && one.length > 2) return make("div", { class: "both" }, plot(one, label, byId("result").clientWidth), numbers(one));
  if (isGrid(one)) return shades(one, label);
  if (one.every(isFlat)) return table(one);
  if (one.every((part) => part === null || typeof part !== "object")) {
    return make("ul", { class: "plain" }, ...one.slice(0, MOST_ROWS).map((part) => make("li", {}, value(part, label, depth + 1))));
  }
  return make("ol", { class: "plain" }, ...one.slice(0, MOST_ROWS).map((part, index) =>
    make("li", {}, value(part, `${label} ${index}`, depth + 1))), rest(one));
}

function numbers(one) {
  return make("details", { class: "quietly" }, make("summary", {}, `${one.length} numbers`),
    make("pre", { class: "code", tabindex: "0" }, one.slice(0, MOST_NUMBERS).map(short).join(", ") + (one.length > MOST_NUMBERS ? ", …" : "")));
}

function isFlat(one) {
  return one !== null && typeof one === "object" && !Array.isArray(one) &&
    Object.values(one).every((part) => part === null || typeof part !== "object");
}

function table(rows) {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const cell = (part) => (typeof part === "number"
    ? make("td", { class: "number" }, short(part))
    : make("td", {}, part === undefined || part === null ? "" : String(part)));
  return make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "a table" },
    make("table", {},
      make("thead", {}, make("tr", {}, ...names.map((name) => make("th", { scope: "col" }, name)))),
      make("tbody", {}, ...rows.slice(0, MOST_ROWS).map((row) => make("tr", {}, ...names.map((name) => cell(row[name])))))),
    rest(rows));
}

function rest(all) {
  return all.length > MOST_ROWS ? make("p", { class: "hint" }, `and ${all.length - MOST_ROWS} more`) : null;
}

function object(one, depth) {
  const names = Object.keys(one);
  if (!names.length) return scalar("an empty object", depth || 1);
  const list = make("dl", {});
  for (const name of names) {
    list.append(make("div", { class: isWide(one[name]) ? "wide" : "narrow" },
      make("dt", {}, name), make("dd", {}, value(one[name], name, depth + 1))));
  }
  return list;
}

function isWide(one) {
  return (typeof one === "object" && one !== null) || (typeof one === "string" && one.length > 40);
}

/** Return what bytes of a kind are saved as. */
export function fileOf(kind) {
  const [, ending = "bin"] = /^[^/]+\/(?:x-)?([\w.-]+)/.exec(kind) ?? [];
  return `result.${{ "octet-stream": "bin", plain: "txt" }[ending] ?? ending}`;
}

function binary({ kind: said, seen, bytes }) {
  const kind = seen || said;
  const url = URL.createObjectURL(bytes.slice(0, bytes.size, kind));
  const save = make("a", { href: url, download: fileOf(kind) }, `Save ${inBytes(bytes.size)} of ${kind || "bytes"}`);
  if (kind.startsWith("image/")) return make("div", {}, image(url, "the result"), save);
  if (kind.startsWith("audio/")) return make("div", {}, make("audio", { controls: true, src: url }), save);
  if (kind.startsWith("video/")) return make("div", {}, make("video", { controls: true, src: url }), save);
  return save;
}

/** Return an element that shows what went wrong. */
export function failed({ code, message, hint, type, stacktrace, problems }, about = "") {
  return make("div", { class: "failed", role: "alert" },
    make("p", { class: "reason" }, make("code", {}, code ?? "error"), " ", type && !message?.startsWith(type) ? `${type}: ` : "", problems?.length ? "" : message ?? ""),
    problems?.length ? make("ul", { class: "plain" }, ...problems.map((one) =>
      make("li", {}, make("code", {}, one.path), ` ${one.message}`))) : null,
    hint || about ? make("p", { class: "hint" }, [hint, about].filter(Boolean).join(" ")) : null,
    stacktrace ? make("details", { open: true }, make("summary", {}, "Stack trace"), make("pre", { class: "code", tabindex: "0" }, stacktrace)) : null);
}
