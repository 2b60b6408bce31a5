// A form from a schema: every field is `{element, read}`; `read` gives a value, or ABSENT.

import { filePlace } from "./files.js";
import { freshId, make } from "./dom.js";
import { isBinary, isImage, isNumeric } from "./schema.js";
import { pad } from "./pad.js";

export const ABSENT = Symbol("absent");

/** A value that a field cannot have; `place` says which field, as the service would. */
export class Wrong extends Error {
  constructor(place, message) {
    super(message);
    this.place = `${place}`;
  }
}

const DATES = { date: "date", time: "time", email: "email", uri: "url", url: "url" };
const LONG = 60;
const FAR = 1e6;

// What shows the number of an item of a list, which changes when one before it is removed.
const moving = new WeakMap();

/** Return words that are made anew whenever they are asked for. */
function later(words) {
  return { toString: words };
}

function moves(node, show) {
  moving.set(node, show);
  show();
  return node;
}

/** Return a text that says `words`, which may come `later`. */
function said(words) {
  const node = document.createTextNode("");
  return moves(node, () => { node.data = words; });
}

/** Return `element`, which says that it is at `place`, which may come `later`. */
function placed(element, place) {
  return moves(element, () => { element.dataset.place = place; });
}

function renumber(element) {
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) moving.get(walker.currentNode)?.();
}

/** Return the field for `schema`. `at` has `place`, `label`, `value`, `optional`, `schemas`, `changed`. */
export function field(schema, at) {
  const found = at.schemas.resolve(schema);
  const around = at.around ?? [];
  const named = schema.$ref ?? schema.$from;
  if (named && around.includes(named)) return anything(found, at); // it holds itself
  const value = at.value === undefined ? found.default ?? found.examples?.[0] : at.value;
  const here = { ...at, value, around: named ? [...around, named] : around,
    label: found.title && at.root ? found.title : at.label };
  const { choices, nullable } = at.schemas.alternatives(found);
  if (choices?.length > 1) return choice(found, choices, { ...here, optional: at.optional, nullable });
  if (choices?.length === 1) return field({ ...found, anyOf: undefined, oneOf: undefined, ...choices[0] }, { ...here, nullable });
  if (found.const !== undefined) return fixed(found.const, here);
  if (found.enum) return options(found, here);
  if (isBinary(found)) return bytes(found, here);
  if (found.type === "boolean") return truth(found, here);
  if (isNumeric(found)) return number(found, here);
  if (found.type === "array" || found.items) return array(found, here);
  if (found.type === "object" || found.properties) return object(found, here);
  if (found.type === "string") return text(found, here);
  return anything(found, here);
}

function labelled(found, at, control, extra = null) {
  const id = control.id || freshId("field");
  control.id = id;
  const hint = sentences(found.description, bounds(found));
  const hintId = hint ? freshId("hint") : null;
  if (hintId) control.setAttribute("aria-describedby", hintId);
  return placed(make("div", { class: "field" },
    make("label", { for: id }, said(at.label), at.optional ? make("span", { class: "tag" }, "optional") : null),
    control, extra,
    hint ? make("p", { class: "hint", id: hintId }, hint) : null), at.place);
}

function sentences(...parts) {
  return parts.filter(Boolean).map((one) => (/\p{P}$/u.test(one) ? one : `${one}.`)).join(" ");
}

/** Return what is said of the values between which a number is. */
function bounds({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }) {
  const [least, above, most, below] = [minimum, exclusiveMinimum, maximum, exclusiveMaximum].map(within);
  const from = above >= (least ?? above) ? `more than ${above}` : least === undefined ? "" : `at least ${least}`;
  const to = below <= (most ?? below) ? `less than ${below}` : most === undefined ? "" : `at most ${most}`;
  if (from === `at least ${least}` && to === `at most ${most}`) return `${least} to ${most}.`;
  const said = [from, to].filter(Boolean).join(", ");
  return said && `${said[0].toUpperCase()}${said.slice(1)}.`;
}

/** Return a bound that means something: those of a 32-bit float or a 64-bit integer do not. */
function within(bound) {
  return bound === undefined || Math.abs(bound) > FAR ? undefined : bound;
}

function nothing(at) {
  if (at.optional) return ABSENT;
  if (at.nullable) return null;
  throw new Wrong(at.place, `${at.label} is missing`);
}

function fixed(value, at) {
  const shown = make("output", {}, JSON.stringify(value));
  return { element: labelled({}, at, shown), read: () => value };
}

function options(found, at) {
  const select = make("select", { onchange: at.changed },
    at.optional || at.nullable || at.value === undefined ? make("option", { value: "" }, "—") : null,
    ...found.enum.map((one, index) => make("option", { value: String(index) },
      typeof one === "string" ? one : JSON.stringify(one))));
  const start = found.enum.findIndex((one) => one === at.value);
  if (start >= 0) select.value = String(start);
  const read = () => (select.value === "" ? nothing(at) : found.enum[Number(select.value)]);
  return { element: labelled(found, at, select), read };
}

function truth(found, at) {
  if ((at.optional || at.nullable) && found.default === undefined) {
    return options({ ...found, enum: [true, false] }, at);
  }
  const box = make("input", { type: "checkbox", onchange: at.changed, id: freshId("field") });
  box.checked = at.value === true;
  const element = placed(make("div", { class: "field check" }, box,
    make("label", { for: box.id }, said(at.label)),
    found.description ? make("p", { class: "hint" }, found.description) : null), at.place);
  return { element, read: () => box.checked };
}

function number(found, at) {
  const whole = found.type === "integer";
  const input = make("input", {
    type: "number", inputmode: whole ? "numeric" : "decimal", oninput: at.changed,
    min: found.minimum, max: found.maximum,
    step: found.multipleOf ?? (whole ? 1 : "any"), value: at.value ?? "",
  });
  const read = () => {
    if (input.value === "") {
      if (input.validity.badInput) throw new Wrong(at.place, `${at.label} is no number`);
      return nothing(at);
    }
    const value = Number(input.value);
    if (whole && !Number.isInteger(value)) throw new Wrong(at.place, `${at.label} is no whole number`);
    return value;
  };
  return { element: labelled(found, at, input), read };
}

function text(found, at) {
  const type = DATES[found.format];
  const long = !type && ((found.maxLength ?? 0) > 200 || String(at.value ?? "").length > LONG || String(at.value ?? "").includes("\n"));
  const common = { oninput: at.changed, spellcheck: "false", maxlength: found.maxLength, value: at.value ?? "" };
  const control = long ? make("textarea", { rows: "4", ...common })
    : make("input", { type: type ?? "text", placeholder: found.format && !type ? found.format : undefined, ...common });
  // An empty text is a text: only what may be left out is.
  const read = () => (control.value === "" && (at.optional || at.nullable || type) ? nothing(at) : control.value);
  return { element: labelled(found, at, control), read };
}

function bytes(found, at) {
  const kept = typeof at.value === "string" ? at.value : null;
  const place = filePlace({ label: at.label, accept: found.contentMediaType, image: isImage(found), changed: at.changed });
  const element = placed(make("div", { class: "field" },
    make("span", { class: "label" }, said(at.label), at.optional ? make("span", { class: "tag" }, "optional") : null),
    place.element, found.description ? make("p", { class: "hint" }, found.description) : null), at.place);
  return { element, read: async () => (place.blob() ? place.base64() : kept ?? nothing(at)) };
}

function array(found, at) {
  const grid = at.schemas.grid(found, at.value);
  if (grid) return drawn(found, at, grid);
  const items = at.schemas.resolve(found.items);
  if (found.prefixItems) return tuple(found, at);
  if (isNumeric(items) && !items.enum) return numbers(found, items, at);
  if (!found.items) return anything(found, at);
  return list(found, at);
}

function drawn(found, at, grid) {
  const leaf = at.schemas.resolve(at.schemas.resolve(found.items).items);
  const seen = (at.value ?? []).flat();
  const least = Math.max(within(leaf.minimum) ?? 0, 0) || Math.min(0, ...seen);
  const most = within(leaf.maximum) ?? (Math.max(0, ...seen) || 1);
  const made = pad({ label: at.label, ...grid, least, most, value: at.value, changed: at.changed });
  const element = placed(make("div", { class: "field", role: "group", "aria-label": at.label },
    make("span", { class: "label" }, said(at.label), make("span", { class: "tag" }, `${grid.rows} × ${grid.columns}`)),
    made.element), at.place);
  return { element, read: made.read, redraw: made.redraw };
}

function numbers(found, items, at) {
  const control = make("textarea", { rows: "2", class: "code", spellcheck: "false", oninput: at.changed,
    value: (at.value ?? []).join(", "), placeholder: "1, 2, 3" });
  const read = () => {
    const parts = control.value.split(/[\s,;]+/).filter(Boolean);
    if (!parts.length && (at.optional || at.nullable)) return nothing(at);
    return parts.map((part, index) => {
      const value = Number(part);
      if (!Number.isFinite(value)) throw new Wrong(`${at.place}[${index}]`, `${part} is no number`);
      return value;
    });
  };
  return { element: labelled({ description: "Numbers, with commas or spaces between.", ...found }, at, control), read };
}

function tuple(found, at) {
  const fields = found.prefixItems.map((one, index) => field(one, {
    ...at, root: false, optional: false, nullable: false, label: later(() => `${at.label} ${index + 1}`),
    place: later(() => `${at.place}[${index}]`), value: at.value?.[index],
  }));
  return { element: group(found, at, fields.map((one) => one.element)), read: () => all(fields) };
}

function list(found, at) {
  const rows = make("div", { class: "rows" });
  const fields = [];
  const add = (value) => {
    const item = {};
    const number = () => fields.indexOf(item);
    fields.push(item);
    Object.assign(item, field(found.items, { ...at, root: false, optional: false, nullable: false, value,
      label: later(() => `${at.label} ${number() + 1}`), place: later(() => `${at.place}[${number()}]`) }));
    const away = make("button", { type: "button", class: "quiet",
      onclick: () => { fields.splice(number(), 1); row.remove(); renumber(rows); at.changed(); } }, "Remove");
    moves(away, () => away.setAttribute("aria-label", `Remove item ${number() + 1} of ${at.label}`));
    const row = make("div", { class: "item" }, item.element, away);
    rows.append(row);
  };
  for (const value of at.value ?? Array(found.minItems ?? 0).fill(undefined)) add(value);
  const more = make("button", { type: "button", class: "quiet more", onclick: () => { add(undefined); at.changed(); } }, "Add one");
  const read = () => (!fields.length && at.optional ? ABSENT : all(fields));
  return { element: group(found, at, [rows, more]), read };
}

async function all(fields) {
  const values = [];
  for (const one of fields) values.push(await one.read());
  return values;
}

function object(found, at) {
  const names = Object.entries(found.properties ?? {});
  if (!names.length) return anything(found, at);
  const needed = new Set(found.required ?? []);
  const fields = names.map(([name, one]) => [name, field(one, {
    ...at, root: false, nullable: false, label: name, optional: !needed.has(name),
    place: later(() => (/^[A-Za-z_]\w*$/.test(name) ? `${at.place}.${name}` : `${at.place}[${JSON.stringify(name)}]`)),
    value: at.value?.[name],
  })]);
  const read = async () => {
    const value = {};
    for (const [name, one] of fields) {
      const part = await one.read();
      if (part !== ABSENT) value[name] = part;
    }
    return at.optional && !Object.keys(value).length ? ABSENT : value;
  };
  const elements = fields.map(([, one]) => one.element);
  const redraw = () => fields.forEach(([, one]) => one.redraw?.());
  return { element: at.root ? placed(make("div", { class: "rows" }, ...elements), at.place) : group(found, at, elements), read, redraw };
}

function choice(found, choices, at) {
  const holder = make("div", {});
  let current = null;
  const show = (index) => {
    current = field(choices[index], { ...at, root: false, label: "value", optional: at.optional,
      value: index === start ? at.value : undefined });
    holder.replaceChildren(current.element);
  };
  const start = Math.max(0, choices.findIndex((one) => suits(one, at.value)));
  const select = make("select", { onchange: () => { show(Number(select.value)); at.changed(); } },
    ...choices.map((one, index) => make("option", { value: String(index) }, one.title ?? at.schemas.words(one))));
  select.value = String(start);
  show(start);
  const kind = labelled({}, { ...at, label: "kind", optional: false }, select);
  return { element: group(found, at, [kind, holder]), read: () => current.read(), redraw: () => current.redraw?.() };
}

function suits(schema, value) {
  if (value === undefined) return false;
  if (Array.isArray(value)) return schema.type === "array";
  if (schema.enum) return schema.enum.includes(value);
  if (typeof value === "number") return isNumeric(schema);
  if (typeof value !== "object" || value === null) return schema.type === typeof value;
  return schema.type === "object" && (schema.required ?? []).every((name) => name in value);
}

function group(found, at, elements) {
  return placed(make("fieldset", { class: "group" },
    make("legend", {}, said(at.label), at.optional ? make("span", { class: "tag" }, "optional") : null),
    found.description ? make("p", { class: "hint" }, found.description) : null, ...elements), at.place);
}

function anything(found, at) {
  const control = make("textarea", { rows: "4", class: "code", spellcheck: "false", oninput: at.changed,
    value: at.value === undefined ? "" : JSON.stringify(at.value, null, 1) });
  const read = () => {
    if (!control.value.trim()) return nothing(at);
    try {
      return JSON.parse(control.value);
    } catch (error) {
      throw new Wrong(at.place, `${at.label} is no JSON: ${error.message}`);
    }
  };
  return { element: labelled({ description: "As JSON.", ...found }, at, control), read };
}
