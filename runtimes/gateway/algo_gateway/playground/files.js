// Bytes as an input: a file that is chosen or dropped, or an image that is drawn.

import { freshId, inBytes, make, toBase64 } from "./dom.js";

const SIDE = 280;
const PEN = 14;

/** Return `{element, blob, clear}`: a place for one file, with a sketch when `image`. */
export function filePlace({ label, accept, image, changed }) {
  const id = freshId("file");
  let blob = null;
  const named = make("span", { class: "hint", role: "status" }, "no file");
  const shown = make("img", { class: "thumb", alt: "", hidden: true });
  const input = make("input", { type: "file", id, accept, class: "unseen", onchange: () => take(input.files[0]) });
  const drawing = image ? sketch(label, (drawn) => take(drawn, "a drawing")) : null;

  function take(file, called) {
    if (!file) return;
    blob = file;
    named.textContent = `${called ?? file.name}, ${file.type || "bytes"}, ${inBytes(file.size)}`;
    if (shown.src) URL.revokeObjectURL(shown.src);
    shown.hidden = !file.type.startsWith("image/") || called !== undefined;
    if (!shown.hidden) {
      shown.src = URL.createObjectURL(file);
      shown.alt = `preview of ${file.name}`;
    }
    changed();
  }

  function clear() {
    blob = null;
    input.value = "";
    shown.hidden = true;
    named.textContent = "no file";
    drawing?.clear();
  }

  const element = make("div", {
    class: "drop",
    ondragover: (event) => { event.preventDefault(); element.classList.add("over"); },
    ondragleave: () => element.classList.remove("over"),
    ondrop: (event) => {
      event.preventDefault();
      element.classList.remove("over");
      take(event.dataTransfer.files[0]);
    },
  },
  input, make("label", { for: id, class: "pick" }, make("span", {}, "Choose a file"), " or drop it here"),
  named, shown, drawing?.element);
  return { element, id, blob: () => blob, clear, base64: () => toBase64(blob) };
}

/** Return `{element, clear}` of a white canvas that is drawn on in black, and becomes a PNG. */
function sketch(label, done) {
  const canvas = make("canvas", { class: "sketch", width: SIDE, height: SIDE, role: "img",
    "aria-label": `Draw ${label} here; without a pointer, choose a file instead` });
  const paint = canvas.getContext("2d");
  let last = null;

  function clear() {
    paint.fillStyle = "#fff";
    paint.fillRect(0, 0, SIDE, SIDE);
  }

  function at(event) {
    const box = canvas.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * SIDE, ((event.clientY - box.top) / box.height) * SIDE];
  }

  function line(event) {
    const next = at(event);
    Object.assign(paint, { lineWidth: PEN, lineCap: "round", strokeStyle: "#111" });
    paint.beginPath();
    paint.moveTo(...(last ?? next));
    paint.lineTo(...next);
    paint.stroke();
    last = next;
  }

  canvas.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    canvas.setPointerCapture(event.pointerId);
    last = null;
    line(event);
  });
  canvas.addEventListener("pointermove", (event) => { if (last) line(event); });
  canvas.addEventListener("pointerup", () => {
    last = null;
    canvas.toBlob((blob) => done(blob), "image/png");
  });
  clear();
  const element = make("div", { class: "drawn" }, canvas,
    make("button", { type: "button", class: "quiet", onclick: clear }, "Clear the drawing"));
  return { element, clear };
}
