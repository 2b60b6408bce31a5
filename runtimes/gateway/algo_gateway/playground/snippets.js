// The call as code.

const LONG = 1500;

/** Return the call in `language`. `call` has `url`, `kind`, `json` or `file`, and `token`. */
export function snippet(language, call) {
  return { curl, python, javascript }[language](call);
}

function curl({ url, kind, json, file, token }) {
  const lines = [`curl ${quoted(url)}`];
  if (token) lines.push(`-H "Authorization: Bearer $TOKEN"`);
  if (file) lines.push(`-H ${quoted(`Content-Type: ${kind}`)}`, `--data-binary ${quoted(`@${file}`)}`);
  else if (json.length > LONG) lines.push(`-H ${quoted(`Content-Type: ${kind}`)}`, "--data-binary @input.json");
  else lines.push(`-H ${quoted(`Content-Type: ${kind}`)}`, `-d ${quoted(json)}`);
  return lines.join(" \\\n  ");
}

function python({ url, kind, json, file, token }) {
  const lines = [...(token ? ["import os", ""] : []), "import requests", ""];
  const options = [];
  if (file) options.push(`data=open(${JSON.stringify(file)}, "rb")`);
  else if (json.length > LONG) options.push(`data=open("input.json", "rb")`);
  else options.push(`json=${pythonic(JSON.parse(json))}`);
  const headers = [];
  if (file || json.length > LONG) headers.push(`"Content-Type": ${JSON.stringify(kind)}`);
  if (token) headers.push(`"Authorization": f"Bearer {os.environ['TOKEN']}"`);
  if (headers.length) options.push(`headers={${headers.join(", ")}}`);
  lines.push("answer = requests.post(", `    ${JSON.stringify(url)},`, ...options.map((one) => `    ${one},`), ")");
  lines.push("answer.raise_for_status()", "print(answer.json())");
  return lines.join("\n");
}

function javascript({ url, kind, json, file, token }) {
  const headers = [`"Content-Type": ${JSON.stringify(kind)}`];
  if (token) headers.push("Authorization: `Bearer ${token}`");
  const body = file ? "file" : json.length > LONG ? "JSON.stringify(input)" : `JSON.stringify(${json})`;
  return [
    `const answer = await fetch(${JSON.stringify(url)}, {`,
    `  method: "POST",`,
    `  headers: { ${headers.join(", ")} },`,
    `  body: ${body},`,
    "});",
    "if (!answer.ok) throw new Error(await answer.text());",
    "console.log(await answer.json());",
  ].join("\n");
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
