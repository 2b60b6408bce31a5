// A grid of numbers to draw on, by pointer or by keyboard, or to fill from an image.

import { freshId, make } from "./dom.js";

const LARGEST = 320;
// What a stroke adds to the cells around its own.
const SOFT = 0.35;

/** Return `{element, read, write}` of a pad. */
export function pad({ label, rows, columns, least, most, value, changed }) {
  const cell = Math.max(3, Math.floor(LARGEST / Math.max(rows, columns)));
  const hint = freshId("pad-hint");
  const canvas = make("canvas", {
    class: "pad",
    width: columns * cell,
    height: rows * cell,
    tabindex: "0",
    role: "application",
    "aria-label": `${label}, ${rows} by ${columns} numbers from ${least} to ${most}`,
    "aria-describedby": hint,
  });
  const cells = Array.from({ length: rows }, () => Array(columns).fill(least));
  const whole = [least, most].every(Number.isInteger) && most - least > 1;
  const cursor = { row: 0, column: 0, shown: false };
  const said = make("span", { class: "unseen", role: "status" });

  const settle = (number) => (whole ? Math.round(number) : Math.round(number * 1000) / 1000);

  function write(rowsOfNumbers) {
    for (let row = 0; row < rows; row += 1) {
      for (let column = 0; column < columns; column += 1) {
        cells[row][column] = rowsOfNumbers?.[row]?.[column] ?? least;
      }
    }
    draw();
  }

  function draw() {
    const paint = canvas.getContext("2d");
    const style = getComputedStyle(canvas);
    paint.fillStyle = style.getPropertyValue("--pad-paper") || "#fff";
    paint.fillRect(0, 0, canvas.width, canvas.height);
    paint.fillStyle = style.getPropertyValue("--pad-ink") || "#111";
    for (let row = 0; row < rows; row += 1) {
      for (let column = 0; column < columns; column += 1) {
        paint.globalAlpha = Math.min(1, Math.max(0, (cells[row][column] - least) / (most - least)));
        paint.fillRect(column * cell, row * cell, cell, cell);
      }
    }
    paint.globalAlpha = 1;
    if (cell >= 12) lines(paint, style.getPropertyValue("--pad-line") || "#ddd");
    if (cursor.shown) {
      paint.strokeStyle = style.getPropertyValue("--pad-cursor") || "#0a7";
      paint.lineWidth = 2;
      paint.strokeRect(cursor.column * cell + 1, cursor.row * cell + 1, cell - 2, cell - 2);
    }
  }

  function lines(paint, colour) {
    paint.strokeStyle = colour;
    paint.lineWidth = 1;
    for (let at = 1; at < columns; at += 1) paint.strokeRect(at * cell - 0.5, -1, 0, canvas.height + 2);
    for (let at = 1; at < rows; at += 1) paint.strokeRect(-1, at * cell - 0.5, canvas.width + 2, 0);
  }

  function stroke(row, column) {
    const wide = Math.max(rows, columns) > 40 ? 1.6 : 1;
    for (let y = Math.floor(row - wide); y <= row + wide; y += 1) {
      for (let x = Math.floor(column - wide); x <= column + wide; x += 1) {
        if (y < 0 || x < 0 || y >= rows || x >= columns) continue;
        const near = Math.hypot(y - row, x - column) <= 0.5 ? 1 : SOFT / Math.hypot(y - row, x - column);
        const value = least + (most - least) * Math.min(1, near);
        cells[y][x] = settle(Math.max(cells[y][x], Math.hypot(y - row, x - column) > wide ? least : value));
      }
    }
    draw();
  }

  let last = null;
  function point(event) {
    const box = canvas.getBoundingClientRect();
    const at = {
      row: Math.floor(((event.clientY - box.top) / box.height) * rows),
      column: Math.floor(((event.clientX - box.left) / box.width) * columns),
    };
    const steps = last ? Math.max(Math.abs(at.row - last.row), Math.abs(at.column - last.column), 1) : 1;
    for (let step = 1; step <= steps; step += 1) {
      const part = step / steps;
      const from = last ?? at;
      stroke(Math.round(from.row + (at.row - from.row) * part),
        Math.round(from.column + (at.column - from.column) * part));
    }
    last = at;
  }

  canvas.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    canvas.setPointerCapture(event.pointerId);
    cursor.shown = false;
    last = null;
    point(event);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (last && event.buttons) point(event);
  });
  canvas.addEventListener("pointerup", () => {
    last = null;
    changed();
  });
  canvas.addEventListener("keydown", (event) => {
    const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    const step = steps[event.key];
    if (event.ctrlKey || event.metaKey) return;
    if (step) {
      cursor.row = Math.min(rows - 1, Math.max(0, cursor.row + step[0]));
      cursor.column = Math.min(columns - 1, Math.max(0, cursor.column + step[1]));
    } else if (event.key === " " || event.key === "Enter") {
      cells[cursor.row][cursor.column] = most;
      changed();
    } else if (event.key === "Backspace" || event.key === "Delete") {
      cells[cursor.row][cursor.column] = least;
      changed();
    } else {
      return;
    }
    event.preventDefault();
    cursor.shown = true;
    said.textContent = `row ${cursor.row + 1}, column ${cursor.column + 1}: ${cells[cursor.row][cursor.column]}`;
    draw();
  });
  canvas.addEventListener("focus", () => { cursor.shown = canvas.matches(":focus-visible"); draw(); });
  canvas.addEventListener("blur", () => { cursor.shown = false; draw(); });

  async function fromImage(file) {
    const image = await createImageBitmap(file);
    const small = new OffscreenCanvas(columns, rows);
    const paint = small.getContext("2d");
    paint.fillStyle = "#fff";
    paint.fillRect(0, 0, columns, rows);
    paint.drawImage(image, 0, 0, columns, rows);
    const { data } = paint.getImageData(0, 0, columns, rows);
    for (let at = 0; at < rows * columns; at += 1) {
      const grey = (data[at * 4] * 0.299 + data[at * 4 + 1] * 0.587 + data[at * 4 + 2] * 0.114) / 255;
      cells[Math.floor(at / columns)][at % columns] = settle(least + (1 - grey) * (most - least));
    }
    draw();
    changed();
  }

  const file = make("input", { type: "file", accept: "image/*", class: "unseen", tabindex: "-1",
    "aria-hidden": "true", onchange: () => file.files[0] && fromImage(file.files[0]) });
  const element = make("div", {
    class: "drawn",
    ondragover: (event) => event.preventDefault(),
    ondrop: (event) => {
      event.preventDefault();
      const dropped = event.dataTransfer.files[0];
      if (dropped?.type.startsWith("image/")) fromImage(dropped);
    },
  },
  canvas, said,
  make("div", { class: "row" },
    make("button", { type: "button", class: "quiet", onclick: () => { write(null); changed(); } }, "Clear"),
    make("button", { type: "button", class: "quiet", onclick: () => file.click() }, "From an image"),
    file),
  make("p", { class: "hint", id: hint }, "Draw, or drop an image. Keys: arrows move, space paints, backspace wipes."));
  write(value);
  return { element, read: () => cells.map((row) => [...row]), write, redraw: draw };
}
