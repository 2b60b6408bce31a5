// One call over HTTP: what was sent, what came, and the pieces of a stream as they come.

const EVENTS = "text/event-stream";
const LINES = "application/jsonl";
const IMAGES = {
  "image/png": /^\x89PNG\r\n\x1a\n/,
  "image/jpeg": /^\xff\xd8\xff/,
  "image/gif": /^GIF8[79]a/,
  "image/webp": /^RIFF[^]{4}WEBP/,
};

/** Call the algorithm. `piece` gets, at each piece of a stream, what returns all so far; the answer has all that is known. */
export async function call({ url, kind, body, token, signal, piece }) {
  const headers = { "Content-Type": kind, Accept: `${EVENTS}, application/json;q=0.9, */*;q=0.8` };
  if (token) headers.Authorization = `Bearer ${token}`;
  const began = performance.now();
  const response = await fetch(url, { method: "POST", headers, body, signal });
  const answer = {
    status: response.status,
    kind: (response.headers.get("content-type") ?? "").split(";")[0].trim(),
    id: response.headers.get("x-request-id"),
    retry: response.headers.get("retry-after"),
  };
  if (answer.kind === EVENTS || answer.kind === LINES) {
    answer.streamed = true;
    Object.assign(answer, await readStream(response, answer.kind, piece));
  } else {
    answer.bytes = await response.blob();
    answer.size = answer.bytes.size;
    answer.value = await valueOf(answer);
    if (answer.kind === "application/octet-stream") answer.seen = await seenIn(answer.bytes);
  }
  answer.milliseconds = performance.now() - began;
  return answer;
}

/** Return what a body means: JSON's value, text, or null for other bytes. */
async function valueOf({ kind, bytes }) {
  if (kind === "application/json" || kind.endsWith("+json")) {
    return JSON.parse(await bytes.text());
  }
  return kind.startsWith("text/") ? bytes.text() : null;
}

/** Return the kind of the image that bytes are, by how they begin; empty for other bytes. */
async function seenIn(bytes) {
  const begin = String.fromCharCode(...new Uint8Array(await bytes.slice(0, 12).arrayBuffer()));
  return Object.keys(IMAGES).find((kind) => IMAGES[kind].test(begin)) ?? "";
}

async function readStream(response, kind, piece) {
  const pieces = [];
  const texts = [];
  let error = null;
  let size = 0;
  let rest = "";
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  const take = (event) => {
    const value = parsed(event.data);
    if (event.name === "error") error = value?.error ?? { code: "failed", message: event.data };
    else {
      pieces.push(value);
      texts.push(event.data);
      piece(() => joined(pieces, texts));
    }
  };
  for (;;) {
    const { value, done } = await reader.read();
    if (value) size += value.length;
    const parts = (rest + (value ?? "")).split(kind === EVENTS ? "\n\n" : "\n");
    rest = parts.pop();
    for (const part of parts) if (part) take(kind === EVENTS ? eventOf(part) : lineOf(part));
    if (done) break;
  }
  if (rest.trim()) take(kind === EVENTS ? eventOf(rest) : lineOf(rest));
  return { value: joined(pieces, texts), pieces, error, size };
}

function eventOf(text) {
  const data = [];
  let name = "message";
  for (const line of text.split("\n")) {
    if (line.startsWith("data:")) data.push(line.slice(line[5] === " " ? 6 : 5));
    else if (line.startsWith("event:")) name = line.slice(6).trim();
  }
  return { name, data: data.join("\n") };
}

function lineOf(text) {
  const value = parsed(text);
  return { name: value?.error?.code ? "error" : "message", data: text };
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Return the pieces of a text as one text, any others as a list. */
function joined(pieces, texts) {
  const written = pieces.some((one) => typeof one === "string");
  return written && pieces.every((one) => typeof one !== "object") ? texts.join("") : [...pieces];
}
