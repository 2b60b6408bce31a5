// What this browser remembers: the last calls, and for this tab alone the token.

const MOST = 20;
const LARGEST = 20_000;
const TOKEN = "algo-token";

/** The last calls of one algorithm; a browser that keeps nothing forgets them at once. */
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

export function token() {
  try {
    return sessionStorage.getItem(TOKEN) ?? "";
  } catch {
    return "";
  }
}

export function keepToken(value) {
  try {
    sessionStorage.setItem(TOKEN, value);
  } catch {
    // asked again after the next reload
  }
}
