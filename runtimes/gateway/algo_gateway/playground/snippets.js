// The call as code.

const LONG = 1500;
export const SAVED = "input.json";

/** Tell whether an input is so long that the code reads it from a file. */
export function isLong(json) {
  return json !== undefined && json.length > LONG;
}

/** Return the call in `language`.
 *
 * `call` has `url`, `kind`, `json` or the name of a `file`, whether there is a `token`, and what
 * comes back in `gives`: json, text, stream, or the name of a file for bytes.
 */
export function snippet(language, call) {
  return { curl, python, javascript }[language](call);
}

function curl({ url, kind, json, file, token, gives }) {
  const lines = [`curl ${gives === "stream" ? "-N " : ""}${quoted(url)}`];
  if (token) lines.push(`-H "Authorization: Bearer $TOKEN"`);
  if (gives === "stream") lines.push(`-H 'Accept: text/event-stream'`);
  lines.push(`-H ${quoted(`Content-Type: ${kind}`)}`);
  const from = file ?? (isLong(json) ? SAVED : null);
  lines.push(from ? `--data-binary ${quoted(`@${from}`)}` : `-d ${quoted(json)}`);
  if (isFile(gives)) lines.push(`-o ${quoted(gives)}`);
  return lines.join(" \\\n  ");
}

function python({ url, kind, json, file, token, gives }) {
  const from = file ?? (isLong(json) ? SAVED : null);
  const headers = [];
  if (from) headers.push(`"Content-Type": ${JSON.stringify(kind)}`);
  if (token) headers.push(`"Authorization": f"Bearer {os.environ['TOKEN']}"`);
  const options = [from ? `data=open(${JSON.stringify(from)}, "rb")` : `json=${pythonic(JSON.parse(json))}`];
  if (headers.length) options.push(`headers={${headers.join(", ")}}`);
  if (gives === "stream") options.push("stream=True");
  const shown = {
    json: ["print(answer.json())"],
    text: ["print(answer.text)"],
    stream: ["for piece in answer.iter_lines():", "    print(piece.decode())"],
  }[gives] ?? [`open(${JSON.stringify(gives)}, "wb").write(answer.content)`];
  return [
    ...(token ? ["import os", ""] : []), "import requests", "",
    "answer = requests.post(", `    ${JSON.stringify(url)},`, ...options.map((one) => `    ${one},`), ")",
    "answer.raise_for_status()", ...shown,
  ].join("\n");
}

function javascript({ url, kind, json, file, token, gives }) {
  const headers = [`"Content-Type": ${JSON.stringify(kind)}`];
  if (token) headers.push("Authorization: `Bearer ${token}`");
  const body = file ? "file" : isLong(json) ? "JSON.stringify(input)" : `JSON.stringify(${json})`;
  const shown = {
    json: ["console.log(await answer.json());"],
    text: ["console.log(await answer.text());"],
    stream: [
      "for await (const piece of answer.body.pipeThrough(new TextDecoderStream())) {",
      "  console.log(piece);",
      "}",
    ],
  }[gives] ?? ["console.log(await answer.blob());"];
  return [
    ...(isLong(json) ? [`const input = await (await fetch(${JSON.stringify(SAVED)})).json();`] : []),
    `const answer = await fetch(${JSON.stringify(url)}, {`,
    `  method: "POST",`,
    `  headers: { ${headers.join(", ")} },`,
    `  body: ${body},`,
    "});",
    "if (!answer.ok) throw new Error(await answer.text());",
    ...shown,
  ].join("\n");
}

function isFile(gives) {
  return !["json", "text", "stream"].includes(gives);
}

function quoted(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function pythonic(value) {
  if (value === null) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (Array.isArray(value)) return `[${value.map(pythonic).join(", ")}]`;
  if (typeof value === "object") {
    return `{${Object.entries(value).map(([name, one]) => `${JSON.stringify(name)}: ${pythonic(one)}`).join(", ")}}`;
  }
  return JSON.stringify(value);
}
