// The token, which this tab keeps and no other.

const TOKEN = "algo-token";

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
