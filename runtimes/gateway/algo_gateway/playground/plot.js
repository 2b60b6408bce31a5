// Numbers as a plot, in SVG: bars for a few, a line for many, shades for a grid.

import { make } from "./dom.js";

const SPACE = "http://www.w3.org/2000/svg";
const WIDEST = 560;
const HEIGHT = 150;
const LEFT = 44;
const BOTTOM = 22;
const FEW = 40;
const MOST_POINTS = 2000;

function svg(tag, attributes, ...children) {
  const element = document.createElementNS(SPACE, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Return a number as short as it can be read. */
export function short(number) {
  if (Number.isInteger(number) && Math.abs(number) < 1e6) return String(number);
  const size = Math.abs(number);
  if (size >= 1e6 || (size < 1e-3 && size > 0)) return number.toExponential(2);
  return String(Number(number.toPrecision(4)));
}

/** Return the smallest and the largest number, however many there are. */
function extremes(numbers) {
  return numbers.reduce(([least, most], one) => [Math.min(least, one), Math.max(most, one)], [Infinity, -Infinity]);
}

/** Return the indices that a curve is drawn through: of many, the ends of each stretch. */
function through(numbers) {
  if (numbers.length <= MOST_POINTS) return numbers.map((_, index) => index);
  const stretch = Math.ceil((numbers.length / MOST_POINTS) * 2);
  const found = [];
  for (let from = 0; from < numbers.length; from += stretch) {
    let [low, high] = [from, from];
    for (let at = from; at < Math.min(from + stretch, numbers.length); at += 1) {
      if (numbers[at] < numbers[low]) low = at;
      if (numbers[at] > numbers[high]) high = at;
    }
    found.push(Math.min(low, high), Math.max(low, high));
  }
  return found;
}

/** Return a figure that shows `numbers` in their order, `room` pixels wide. */
export function plot(numbers, label, room) {
  const wide = Math.max(220, Math.min(WIDEST, room));
  const [lowest, highest] = extremes(numbers);
  const least = Math.min(0, lowest);
  const most = Math.max(0, highest);
  const span = most - least || 1;
  const y = (number) => 8 + (HEIGHT - BOTTOM - 8) * (1 - (number - least) / span);
  const step = (wide - LEFT - 4) / numbers.length;
  const middle = (index) => LEFT + step * (index + 0.5);
  const peak = numbers.indexOf(highest);
  const marks = numbers.length <= FEW
    ? numbers.map((number, index) => bar(number, index, { step, y, peak }))
    : [svg("polyline", { class: "curve", points: through(numbers).map((index) => `${middle(index)},${y(numbers[index])}`).join(" ") })];
  const text = `${label}: ${numbers.length} numbers from ${short(lowest)} to ${short(highest)}, the largest at ${peak}`;
  const picture = svg("svg", { viewBox: `0 0 ${wide} ${HEIGHT}`, class: "plot", role: "img", "aria-label": text },
    ...[...new Set([least, most])].flatMap((number) => [
      svg("line", { class: "axis", x1: LEFT, x2: wide - 4, y1: y(number), y2: y(number) }),
      svg("text", { class: "tick", x: LEFT - 6, y: y(number) + 4, "text-anchor": "end" }, short(number)),
    ]),
    ...marks,
    ...ticks(numbers.length).map((index) =>
      svg("text", { class: "tick", x: middle(index), y: HEIGHT - 6,
        "text-anchor": numbers.length > FEW && index === numbers.length - 1 ? "end" : "middle" }, String(index))));
  return make("figure", {}, picture);
}

function bar(number, index, { step, y, peak }) {
  const top = Math.min(y(number), y(0));
  return svg("rect", {
    class: index === peak ? "bar peak" : "bar",
    x: LEFT + step * index + Math.min(3, step * 0.12), width: Math.max(1, step - Math.min(6, step * 0.24)),
    y: top, height: Math.max(1, Math.abs(y(number) - y(0))), rx: 2,
  }, svg("title", {}, `${index}: ${number}`));
}

function ticks(count) {
  if (count <= 16) return Array.from({ length: count }, (_, index) => index);
  return [0, Math.floor(count / 4), Math.floor(count / 2), Math.floor((3 * count) / 4), count - 1];
}

/** Return a figure that shows rows of numbers as shades. */
export function shades(rows, label = "grid") {
  const [least, most] = extremes(rows.flat());
  const span = most - least || 1;
  const canvas = make("canvas", { width: rows[0].length, height: rows.length, class: "shades", role: "img",
    "aria-label": `${label}: ${rows.length} by ${rows[0].length} numbers from ${short(least)} to ${short(least + span)}` });
  const paint = canvas.getContext("2d");
  rows.forEach((row, at) => row.forEach((number, column) => {
    const grey = Math.round(255 * (1 - (number - least) / span));
    paint.fillStyle = `rgb(${grey} ${grey} ${grey})`;
    paint.fillRect(column, at, 1, 1);
  }));
  return make("figure", {}, canvas);
}
