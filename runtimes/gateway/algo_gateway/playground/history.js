// The last calls of one algorithm, which this browser remembers.

import { byId, inTime, make } from "./dom.js";

const MOST = 20;
const LARGEST = 20_000;

/** The calls; a browser that keeps nothing forgets them at once. */
export class History {
  constructor(name) {
    this.key = `algo-calls:${name}`;
  }

  all() {
    try {
      return JSON.parse(localStorage.getItem(this.key)) ?? [];
    } catch {
      return [];
    }
  }

  add(entry) {
    if ((entry.json ?? "").length > LARGEST) return this.all();
    const calls = [entry, ...this.all()].slice(0, MOST);
    try {
      localStorage.setItem(this.key, JSON.stringify(calls));
    } catch {
      return calls;
    }
    return calls;
  }

  clear() {
    try {
      localStorage.removeItem(this.key);
    } catch {
      // there is none to remove
    }
  }
}

/** List the calls; one that is chosen goes to `again`. */
export function showCalls(calls, again) {
  byId("history-card").hidden = !calls.length;
  byId("history").replaceChildren(...calls.map((one) => make("li", {},
    make("button", { type: "button", title: "Use this input again", onclick: () => again(one) },
      make("time", { datetime: new Date(one.at).toISOString() }, new Date(one.at).toLocaleTimeString()),
      make("span", { class: one.status < 400 && !one.broken ? "good" : "bad" }, String(one.status)),
      make("span", { class: "took" }, inTime(one.milliseconds)),
      make("code", { class: "sent" }, one.json),
      make("code", { class: "told" }, one.told)))));
}
