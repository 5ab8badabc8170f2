// What every chart needs: scales, axes, marks, the tooltip, and drawing again when the width changes.

/** From a domain to pixels; `log` for a logarithmic one. */
function scale([low, high], [from, to], log = false) {
  const f = log ? Math.log10 : (x) => x;
  const span = f(high) - f(low) || 1;
  const place = (x) => from + ((f(x) - f(low)) / span) * (to - from);
  return Object.assign(place, { low, high, log });
}

/** Round numbers inside a domain, about `count` of them. */
function ticks({ low, high, log }, count = 5) {
  if (log) {
    const decades = Math.log10(high / low);
    const steps = decades > 3 ? [1] : decades > 1.2 ? [1, 3] : [1, 2, 5];
    const found = [];
    for (let e = Math.floor(Math.log10(low)); e <= Math.ceil(Math.log10(high)); e++) {
      for (const step of steps) found.push(step * 10 ** e);
    }
    const inside = found.filter((x) => x >= low * 0.999 && x <= high * 1.001);
    if (inside.length > 1) return inside;
  }
  const rough = (high - low) / count || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((m) => m * power >= rough * 0.75);
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) found.push(i * step);
  return found;
}

/** A domain with some air around what is in it. */
function padded(values, share = 0.06, log = false) {
  const low = Math.min(...values), high = Math.max(...values);
  if (log) {
    const air = (high / low) ** share || 1;
    return low === high ? [low / 2, high * 2] : [low / air, high * air];
  }
  const air = (high - low) * share || Math.abs(high) * 0.02 || 1;
  return [low - air, high + air];
}

const wantsLog = (values) => Math.min(...values) > 0 && Math.max(...values) > 10 * Math.min(...values);

/** 1,234,000 as 1.23M; small numbers in three digits. */
function brief(x) {
  const size = Math.abs(x);
  for (const [unit, name] of [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]]) {
    if (size >= unit) return `${+(x / unit).toPrecision(3)}${name}`;
  }
  return size !== 0 && size < 1e-3 ? x.toExponential(1).replace(".0", "").replace("-", "−") : `${+x.toPrecision(3)}`;
}

/** How to write the ticks of an axis: with as many decimals as tell them apart. */
function writing(ticksAt, log) {
  const step = ticksAt[1] - ticksAt[0];
  if (log || !(step > 1e-6) || Math.abs(ticksAt.at(-1)) >= 1000) return brief;
  return (x) => x.toFixed(Math.max(0, -Math.floor(Math.log10(step * 1.0001))));
}

/** A measured value in the unit of its metric. */
function reading(metric, x) {
  return metric.scale === 100 ? x.toFixed(2) : brief(x);
}

const pen = document.createElement("canvas").getContext("2d");

/** Width in pixels of a text in a chart. */
function textWidth(text) {
  pen.font = `12px ${getComputedStyle(document.body).fontFamily}`;
  return pen.measureText(text).width;
}

/** The beginning of a text, as far as it fits. */
function fitting(text, width) {
  if (textWidth(text) <= width) return text;
  let end = text.length;
  while (end > 1 && textWidth(`${text.slice(0, end)}…`) > width) end--;
  return `${text.slice(0, end)}…`;
}

function line(x1, y1, x2, y2, kind) {
  return shape("line", { x1, y1, x2, y2, class: kind });
}

function label(text, x, y, { anchor = "start", kind = null } = {}) {
  return shape("text", { x, y, "text-anchor": anchor, class: kind }, text);
}

/** Gridlines and numbers along the bottom; its title below. */
function axisBelow(x, ticksAt, { top, bottom, title, write = writing(ticksAt, x.log) }) {
  const middle = (x(x.low) + x(x.high)) / 2;
  return shape("g", {},
    ...ticksAt.flatMap((t) => [
      line(x(t), top, x(t), bottom, "grid-line"),
      label(write(t), x(t), bottom + 16, { anchor: "middle" }),
    ]),
    title ? label(title, middle, bottom + 34, { anchor: "middle" }) : null);
}

/** Likewise along the left; its title above the numbers, where it can be read without turning. */
function axisLeft(y, ticksAt, { left, right, title, top }) {
  const write = writing(ticksAt, y.log);
  return shape("g", {},
    ...ticksAt.flatMap((t) => [
      line(left, y(t), right, y(t), "grid-line"),
      label(write(t), left - 8, y(t) + 4, { anchor: "end" }),
    ]),
    title ? label(title, 0, top) : null);
}

/** A mark of a series: colour and form, so that either alone tells. */
function mark(form, x, y, size, kind) {
  const at = `translate(${x} ${y})`;
  const paths = [
    null,
    `M${-size} ${-size}h${2 * size}v${2 * size}h${-2 * size}z`,
    `M0 ${-1.3 * size}L${1.25 * size} ${size}H${-1.25 * size}z`,
    `M0 ${-1.45 * size}L${1.45 * size} 0L0 ${1.45 * size}L${-1.45 * size} 0z`,
  ];
  const path = paths[form % 4];
  const hollow = form >= 4 ? "hollow " : "";
  if (path) return shape("path", { d: path, transform: at, class: hollow + kind });
  return shape("circle", { r: size * 1.1, transform: at, class: hollow + kind });
}

const DASHES = [null, "7 3", "2 3", "9 3 2 3", null, "7 3", "2 3", "9 3 2 3"];

/** An SVG as wide as it is drawn, which shrinks with a narrower page (print). */
function canvas(width, height, about, ...children) {
  return shape("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": about }, ...children);
}

const charts = [];

/** A figure that is drawn for its width: at once, when that changes, and when asked to. */
function chart(draw, kind = null) {
  const figure = node("figure", { class: kind });
  charts.push({ figure, draw, width: 0 });
  return figure;
}

/** Draw the charts whose width changed; all of them when `anyway`. */
function redraw(anyway = false) {
  for (const one of charts) {
    const width = Math.floor(one.figure.clientWidth);
    if (!width || (width === one.width && !anyway)) continue;
    one.width = width;
    one.figure.replaceChildren(one.draw(width));
  }
}

/** Show lines beside the pointer: a title, then pairs. */
function tell(event, title, pairs = []) {
  const tip = byId("tip");
  tip.replaceChildren(node("b", {}, title), node("table", {}, ...pairs.map(([name, value]) =>
    node("tr", {}, node("td", {}, name), node("td", { class: "number" }, value)))));
  tip.hidden = false;
  const { width, height } = tip.getBoundingClientRect();
  const left = event.clientX + 14 + width < innerWidth ? event.clientX + 14 : event.clientX - 14 - width;
  const top = event.clientY + 14 + height < innerHeight ? event.clientY + 14 : event.clientY - 14 - height;
  tip.style.left = `${Math.max(4, left)}px`;
  tip.style.top = `${Math.max(4, top)}px`;
}

function hush() {
  byId("tip").hidden = true;
}

/** Let an element tell about itself. */
function telling(element, title, pairs) {
  const show = (event) => tell(event, title, pairs());
  for (const name of ["pointerenter", "pointermove", "pointerdown"]) element.addEventListener(name, show);
  element.addEventListener("pointerleave", hush);
  return element;
}
