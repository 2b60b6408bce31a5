// JSON Schema 2020-12, as far as a form needs it.

/** Knows the definitions that references lead to: `$defs`, or those of an OpenAPI document. */
export class Schemas {
  constructor(root) {
    this.root = root;
  }

  /** Return `schema` with its reference followed and its `allOf` put together. */
  resolve(schema) {
    let found = schema;
    for (let depth = 0; found && found.$ref && depth < 32; depth += 1) {
      const { $ref, ...beside } = found;
      found = { ...this.at($ref), ...beside };
    }
    if (found === true || found === undefined || found === null) return {};
    if (found === false) return { not: {} };
    for (const part of found.allOf ?? []) found = merged(found, this.resolve(part));
    return found;
  }

  at(reference) {
    let place = this.root;
    for (const part of reference.replace(/^#\/?/, "").split("/").filter(Boolean)) {
      place = place?.[decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~")];
    }
    return place ?? {};
  }

  /** Return the alternatives of a union without null, and whether null is one of them.
   *
   * Each says in `$from` which reference it came from.
   */
  alternatives(schema) {
    const listed = schema.anyOf ?? schema.oneOf;
    const types = Array.isArray(schema.type) ? schema.type : null;
    const all = listed?.map((one) => ({ ...this.resolve(one), $from: one.$ref })) ??
      types?.map((type) => ({ ...schema, type }));
    if (!all) return { choices: null, nullable: false };
    const choices = all.filter((one) => one.type !== "null" && one.const !== null);
    return { choices, nullable: choices.length < all.length };
  }

  /** Return rows and columns when `schema`, or the value it is to hold, is a grid of numbers. */
  grid(schema, value) {
    if (isGrid(value)) return { rows: value.length, columns: value[0].length };
    const rows = fixedLength(schema);
    const row = this.resolve(schema.items);
    const columns = fixedLength(row);
    const leaf = this.resolve(row.items);
    if (rows && columns && isNumeric(leaf) && inPad(rows) && inPad(columns)) {
      return { rows, columns };
    }
    return null;
  }

  /** Return the schema in one line, much as TypeScript would write it. */
  words(schema, depth = 0) {
    const found = this.resolve(schema);
    const { choices, nullable } = this.alternatives(found);
    if (choices) {
      return [...choices.map((one) => this.words(one, depth)), ...(nullable ? ["null"] : [])].join(" | ");
    }
    if (found.const !== undefined) return JSON.stringify(found.const);
    if (found.enum) return found.enum.map((one) => JSON.stringify(one)).join(" | ");
    if (isBinary(found)) return isImage(found) ? "image" : "bytes";
    if (found.type === "array" || found.items || found.prefixItems) return this.listed(found, depth);
    if (found.type === "object" || found.properties) return this.fields(found, depth);
    if (found.type === "string" && found.format) return found.format;
    return found.type ?? "any";
  }

  listed(schema, depth) {
    if (schema.prefixItems) {
      return `[${schema.prefixItems.map((one) => this.words(one, depth + 1)).join(", ")}]`;
    }
    const inner = this.words(schema.items, depth + 1);
    const length = fixedLength(schema);
    return `${inner.includes(" | ") ? `(${inner})` : inner}[${length || ""}]`;
  }

  fields(schema, depth) {
    const names = Object.entries(schema.properties ?? {});
    if (!names.length) return "object";
    if (depth > 1) return "{ … }";
    const needed = new Set(schema.required ?? []);
    const parts = names.map(([name, one]) =>
      `${name}${needed.has(name) ? "" : "?"}: ${this.words(one, depth + 1)}`);
    return `{ ${parts.join(", ")} }`;
  }
}

/** Guess a schema from a value that the algorithm is known to take. */
export function inferred(value) {
  if (value === null) return {};
  if (Array.isArray(value)) {
    return value.length ? { type: "array", items: inferred(value[0]) } : { type: "array" };
  }
  if (typeof value === "object") {
    const properties = Object.fromEntries(
      Object.entries(value).map(([name, one]) => [name, inferred(one)]));
    return { type: "object", properties, required: Object.keys(value) };
  }
  return { type: typeof value };
}

/** Tell whether a schema says anything about its values. */
export function isTelling(schema) {
  const about = ["$ref", "type", "properties", "enum", "const", "anyOf", "oneOf", "allOf", "items"];
  return Boolean(schema) && about.some((key) => schema[key] !== undefined);
}

/** Tell whether values are bytes, in base64. */
export function isBinary(schema) {
  return schema.contentEncoding === "base64" || ["binary", "byte"].includes(schema.format);
}

/** Tell whether values are images, in base64. */
export function isImage(schema) {
  return isBinary(schema) &&
    (schema.format === "image" || (schema.contentMediaType ?? "").startsWith("image/"));
}

/** Tell whether values are numbers. */
export function isNumeric(schema) {
  return ["number", "integer"].includes(schema.type);
}

/** Tell whether `value` is rows of as many numbers each, not too many to be drawn. */
export function isGrid(value) {
  return Array.isArray(value) && inPad(value.length) && Array.isArray(value[0]) &&
    inPad(value[0].length) && value.every((row) => Array.isArray(row) &&
      row.length === value[0].length && row.every((one) => typeof one === "number"));
}

function inPad(length) {
  return length >= 4 && length <= 96;
}

function fixedLength(schema) {
  return schema.minItems !== undefined && schema.minItems === schema.maxItems ? schema.minItems : 0;
}

function merged(one, other) {
  const { allOf, ...rest } = one;
  return {
    ...other,
    ...rest,
    properties: { ...other.properties, ...rest.properties },
    required: [...new Set([...(other.required ?? []), ...(rest.required ?? [])])],
  };
}
