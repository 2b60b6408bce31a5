// The page: reads what the algorithm takes, and calls it.

import { ABSENT, Wrong, field } from "./fields.js";
import { History, showCalls } from "./history.js";
import { Schemas, inferred, isTelling } from "./schema.js";
import { byId, choose, chosen, inBytes, inTime, make } from "./dom.js";
import { call } from "./call.js";
import { failed, fileOf, raw, shown, written } from "./result.js";
import { filePlace } from "./files.js";
import { givenIn, sign } from "./contract.js";
import { isLong, snippet } from "./snippets.js";
import { keepToken, token } from "./token.js";

const page = { form: null, schemas: null, input: {}, sample: undefined, answer: null, running: null, history: null };
const file = filePlace({ label: "the input", accept: undefined, image: false, changed: () => refresh() });

/** Where the algorithm is called: this page's own address. */
function target() {
  return new URL(".", location.href).href;
}

async function start() {
  byId("keys").textContent = `${/Mac|iPhone|iPad/.test(navigator.platform) ? "⌘" : "Ctrl"} + Enter`;
  byId("file-mode").append(make("p", { class: "hint" }, "The file is the body of the call, as it is."), file.element);
  const response = await fetch("openapi.json", { headers: token() ? { Authorization: `Bearer ${token()}` } : {} });
  if (response.status === 401 || response.status === 403) return askToken(await response.json());
  byId("token-form").hidden = true;
  document.querySelector("main").hidden = false;
  page.document = await response.text();
  describe(JSON.parse(page.document));
  return watchReady();
}

/** Read the contract again: who comes back from an editor may have changed it. */
async function lookAgain() {
  const response = await fetch("openapi.json", { headers: token() ? { Authorization: `Bearer ${token()}` } : {} });
  const text = response.ok ? await response.text() : page.document;
  if (text === page.document || page.running) return;
  page.document = text;
  const value = await formValue().catch(() => page.sample);
  describe(JSON.parse(text), value);
}

function askToken({ error }) {
  document.querySelector("main").hidden = !page.schemas;
  byId("token-form").hidden = false;
  byId("token-why").textContent = token() ? error.message : "";
  byId("token").focus();
  if (!page.schemas) byId("name").textContent = "Playground";
}

/** Show what the OpenAPI document says; `value` is put into the form, else its example. */
function describe(document_, value = undefined) {
  const name = document_.info.title;
  const { requestBody, responses } = document_.paths["/"].post;
  const takes = requestBody.content["application/json"] ?? {};
  const answers = responses["200"].content;
  const gives = answers["application/json"]?.schema ?? answers["application/jsonl"]?.schema.contentSchema?.items;
  document.title = `${name} · playground`;
  byId("name").textContent = name;
  page.history = new History(name);
  page.schemas = new Schemas(document_);
  page.sample = takes.example;
  const known = isTelling(takes.schema);
  page.input = known ? takes.schema : inferred(page.sample ?? {});
  page.gives = givenIn(Object.keys(answers));
  const formless = !known && page.sample === undefined;
  sign({ schemas: page.schemas, takes: formless ? null : page.input, guessed: !known && !formless,
    gives, kind: page.gives });
  byId("modes").querySelector("[value=form]").parentElement.hidden = formless;
  byId("sample").hidden = page.sample === undefined;
  fill(value === undefined ? page.sample : value);
  if (formless) {
    choose("mode", "json");
    switchMode();
  }
  showCalls(page.history.all(), again);
}

/** The same of the last answer, where it tells more than the contract; bytes as a file's name. */
function gives() {
  const kind = page.answer?.status < 400 && page.answer.kind ? givenIn([page.answer.seen || page.answer.kind]) : page.gives;
  return kind.includes("/") ? fileOf(kind) : kind;
}

/** Put `value` into the form and the editor. */
function fill(value) {
  page.form = field(page.input, { place: "input", label: "Value", root: true, value, optional: false,
    schemas: page.schemas, changed: () => refresh() });
  byId("form-mode").replaceChildren(page.form.element);
  byId("json").value = written(value ?? {});
  refresh();
}

/** Return what is to be sent: `{kind, body, json}` or `{kind, body, file}`. */
async function input() {
  const mode = chosen("mode");
  if (mode === "file") {
    const blob = file.blob();
    if (!blob) throw new Wrong("input", "choose a file first");
    return { kind: blob.type || "application/octet-stream", body: blob, file: blob.name ?? "input" };
  }
  const text = mode === "json" ? byId("json").value : JSON.stringify(await formValue());
  try {
    return { kind: "application/json", body: text, json: mode === "json" ? JSON.stringify(JSON.parse(text)) : text };
  } catch (error) {
    throw new Wrong("input", `this is no JSON: ${error.message}`);
  }
}

async function formValue() {
  const value = await page.form.read();
  return value === ABSENT ? null : value;
}

async function switchMode() {
  const mode = chosen("mode");
  const before = ["form", "json", "file"].find((one) => !byId(`${one}-mode`).hidden);
  for (const one of ["form", "json", "file"]) byId(`${one}-mode`).hidden = one !== mode;
  complain(null);
  try {
    if (before === "form" && mode === "json") byId("json").value = written(await formValue());
    if (before === "json" && mode === "form") fill(JSON.parse(byId("json").value));
  } catch (error) {
    complain(error);
  }
  page.form?.redraw?.();
  refresh();
}

function complain(error) {
  for (const one of document.querySelectorAll(".wrong")) {
    one.classList.remove("wrong");
    controlOf(one)?.removeAttribute("aria-invalid");
  }
  byId("input-problem").textContent = error ? error.message : "";
  if (error?.place) mark(error.place);
}

/** Mark the field that is at `place`, or the nearest one around it. */
function mark(place) {
  const fields = [...document.querySelectorAll("[data-place]")]
    .filter((one) => place.startsWith(one.dataset.place) && one.dataset.place !== "input");
  const nearest = fields.sort((one, other) => other.dataset.place.length - one.dataset.place.length)[0];
  nearest?.classList.add("wrong");
  controlOf(nearest)?.setAttribute("aria-invalid", "true");
}

function controlOf(field) {
  return field?.querySelector("input, textarea, select, canvas");
}

async function refresh() {
  try {
    const sent = await input();
    const about = { url: target(), token: Boolean(token()), gives: gives() };
    byId("code").textContent = snippet(chosen("language"), { ...about, ...sent });
    offer(sent.json);
    complain(null);
    byId("copy").hidden = false;
  } catch {
    byId("code").textContent = "The input is not complete yet.";
    byId("copy").hidden = true;
  }
}

/** Offer a long input as a file, which the code reads. */
function offer(json) {
  byId("saved").hidden = !isLong(json);
  URL.revokeObjectURL(byId("save").href);
  if (isLong(json)) byId("save").href = URL.createObjectURL(new Blob([json], { type: "application/json" }));
}

async function run() {
  if (page.running) return;
  let sent;
  try {
    sent = await input();
  } catch (error) {
    complain(error);
    controlOf(document.querySelector(".wrong"))?.focus();
    return;
  }
  complain(null);
  page.running = new AbortController();
  busy(true);
  try {
    page.answer = await call({ url: target(), ...sent, token: token(), signal: page.running.signal, piece: showPieces });
    showAnswer();
  } catch (error) {
    if (error.name === "AbortError") status("", "stopped");
    else showProblem(0, { code: "unreachable", message: "The service does not answer.", hint: "Is it still running?" });
  } finally {
    page.running = null;
    busy(false);
  }
  if (page.answer && sent.json) remember(sent.json);
  refresh();
}

function busy(is) {
  byId("call").disabled = is;
  byId("stop").hidden = !is;
  byId("result").setAttribute("aria-busy", String(is));
  byId("result").classList.remove("coming");
  if (is) {
    page.answer = null;
    status("", "calling …");
  }
}

/** Show what a stream brought so far, once for all pieces that come before the next frame. */
function showPieces(soFar) {
  if (page.coming) return;
  page.coming = requestAnimationFrame(() => {
    page.coming = 0;
    if (page.running) showSoFar(soFar());
  });
}

function showSoFar(value) {
  status("", "receiving …");
  byId("result").classList.add("coming");
  byId("views").hidden = true;
  byId("result").replaceChildren(pieces(value));
}

function pieces(value) {
  return typeof value === "string" ? make("p", { class: "prose" }, value) : raw(value);
}

function showAnswer() {
  const { answer } = page;
  const about = [inTime(answer.milliseconds), inBytes(answer.size ?? 0)];
  if (answer.streamed) about.push(`${answer.pieces.length} pieces`);
  status(brokenOff(answer) || String(answer.status), about.join(" · "), answer.status >= 400 || answer.error);
  if (answer.error || answer.status >= 400) {
    const error = answer.error ?? answer.value?.error ?? { message: String(answer.value ?? "") };
    showProblem(answer.status, error, [
      answer.retry ? `Come again in ${answer.retry} s.` : "", answer.id ? `Request ${answer.id}.` : "",
    ].filter(Boolean).join(" "));
    if (answer.pieces?.length) byId("result").prepend(pieces(answer.value));
    return;
  }
  const structured = answer.value !== null && typeof answer.value === "object";
  byId("views").hidden = !structured;
  byId("result").replaceChildren(structured && chosen("view") === "json" ? raw(answer.value) : shown(answer));
}

/** Say that a stream had begun well, as its status says, and ended with an error. */
function brokenOff({ streamed, error }) {
  return streamed && error ? "broken off" : "";
}

function showProblem(code, error, about = "") {
  byId("views").hidden = true;
  byId("result").replaceChildren(failed(error, about));
  if (code === 401 || code === 403) askToken({ error });
  for (const one of error.problems ?? []) mark(one.path);
  if (!code) status("", "no answer", true);
}

function status(code, text, bad = false) {
  byId("status").replaceChildren(...(code ? [make("b", {}, code), " "] : []), text);
  byId("status").classList.toggle("bad", Boolean(bad));
}

function remember(json) {
  const { status: code, milliseconds, value, error } = page.answer;
  const told = error?.code ?? value?.error?.code ?? (value === null ? page.answer.kind : JSON.stringify(value));
  showCalls(page.history.add({ at: Date.now(), json, status: code, broken: Boolean(error), milliseconds, told: String(told).slice(0, 120) }), again);
}

function again(one) {
  fill(JSON.parse(one.json));
  if (chosen("mode") === "file") choose("mode", "json");
  switchMode();
  byId("input").scrollIntoView({ block: "start" });
  byId("call").focus();
}

async function watchReady() {
  clearTimeout(page.watch);
  const ready = await fetch("readyz").then((response) => response.ok, () => false);
  byId("ready").textContent = ready ? "ready" : "not ready";
  byId("ready").className = ready ? "ready good" : "ready bad";
  if (!document.hidden) page.watch = setTimeout(watchReady, ready ? 10_000 : 1_000);
}

byId("input").addEventListener("submit", (event) => { event.preventDefault(); run(); });
byId("stop").addEventListener("click", () => page.running?.abort());
byId("sample").addEventListener("click", () => fill(page.sample));
byId("json").addEventListener("input", refresh);
byId("modes").addEventListener("change", switchMode);
byId("languages").addEventListener("change", refresh);
byId("views").addEventListener("change", showAnswer);
byId("forget").addEventListener("click", () => { page.history.clear(); showCalls([], again); });
byId("copy").addEventListener("click", async () => {
  await navigator.clipboard.writeText(byId("code").textContent);
  byId("copy").textContent = "Copied";
  setTimeout(() => { byId("copy").textContent = "Copy"; }, 1500);
});
byId("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  keepToken(byId("token").value.trim());
  byId("token").value = "";
  startAgain();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); run(); }
});
document.addEventListener("visibilitychange", () => {
  if (document.hidden || !page.schemas) return;
  watchReady();
  lookAgain().catch(() => {});
});
let resized = 0;
addEventListener("resize", () => {
  clearTimeout(resized);
  resized = setTimeout(() => { if (page.answer && !page.running) showAnswer(); }, 200);
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => page.form?.redraw?.());

function startAgain() {
  byId("file-mode").replaceChildren();
  start();
}

start().catch(() => {
  byId("name").textContent = "Playground";
  showProblem(0, { code: "unreachable", message: "The service does not answer.", hint: "Reload the page when it runs." });
});
