// The charts of a report. Each takes what `content.py` wrote, and draws for a width.

const ROWS = 48; // more means than this in one chart are not looked at

const hiddenSeries = new Set();
const visible = (group) => group.series === null || !hiddenSeries.has(group.series);
const ink = (group) => `c${(group.series ?? 0) % 8}`;

/** What the tooltip says of a group. */
function groupPairs(group) {
  const { metric } = report;
  const pairs = [[metric.title, group.text]];
  const inUnit = (x) => reading(metric, x * metric.scale);
  if (group.low !== null) pairs.push(["95 % interval", `${inUnit(group.low)} to ${inUnit(group.high)}`]);
  pairs.push(["runs", String(group.n)]);
  for (const cost of report.costs) {
    if (group.costs[cost.name] !== null) pairs.push([cost.title, brief(group.costs[cost.name])]);
  }
  if (group.difference) pairs.push(["to the baseline", group.difference]);
  if (group.verdict) pairs.push(["verdict", group.verdict]);
  return pairs;
}

/** Means with their intervals and every run, best first, panel by panel. */
function drawMeans(width) {
  const { metric } = report;
  const some = report.groups.length > ROWS;
  const groups = report.groups.slice(0, ROWS).filter((group) => group.mean !== null && visible(group));
  const panelled = report.panels.length > 1 && !some;
  const blocks = panelled
    ? report.panels.map((name, panel) => ({ name, groups: groups.filter((g) => g.panel === panel) }))
    : [{ name: "", groups }];
  const nameOf = (group) => (panelled ? report.series[group.series] : group.name);
  const names = Math.min(width * 0.38, 380, Math.max(0, ...groups.map((g) => textWidth(nameOf(g)))) + 28);
  const said = (group) => [group.text, group.verdict].filter(Boolean).join("  ");
  const words = width < 640 ? 8 : Math.max(0, ...groups.map((g) => textWidth(said(g)))) + 20;
  const values = groups.flatMap((g) => [g.mean, g.low, g.high, ...g.values]).filter((v) => v !== null);
  if (!values.length) return node("p", { class: "soft" }, "Every series is switched off.");
  const x = scale(padded(values.map((v) => v * metric.scale), 0.04), [names, width - words]);
  const at = (v) => x(v * metric.scale);
  const step = 24;
  const layers = [[], []];
  let y = 8;
  for (const block of blocks.filter((one) => one.groups.length)) {
    if (block.name) {
      layers[1].push(label(fitting(block.name, width * 0.85), 0, y + 15, { kind: "head" }));
      y += step;
    }
    const base = block.groups.find((group) => group.verdict === "baseline");
    if (base) layers[0].push(line(at(base.mean), y, at(base.mean), y + step * block.groups.length, "base-line"));
    for (const group of block.groups) {
      layers[1].push(meanRow(group, y + step / 2, { at, width, step, names, words, nameOf, said }));
      y += step;
    }
    y += block.name ? 8 : 0;
  }
  const axis = axisBelow(x, ticks(x, Math.max(4, (width - names - words) / 90)),
    { top: 4, bottom: y, title: metric.title });
  return canvas(width, y + 40, `${metric.title} of ${groups.length} groups with 95 % intervals`,
    axis, ...layers[0], ...layers[1]);
}

function meanRow(group, y, { at, width, step, names, words, nameOf, said }) {
  const form = group.series ?? 0;
  const row = shape("g", { class: ink(group) },
    shape("rect", { x: 0, y: y - step / 2, width, height: step, class: "hit" }),
    mark(form, 7, y, 4, "mark"),
    label(fitting(nameOf(group), names - 28), 20, y + 4, { kind: "strong" }),
    group.low === null ? null : line(at(group.low), y, at(group.high), y, "range"),
    ...(group.n > 1 ? group.values : []).map((value) => shape("circle", { cx: at(value), cy: y, r: 2.2, class: "seed" })),
    mark(form, at(group.mean), y, 4.5, "mark"),
    words > 8 ? label(said(group), width - words + 14, y + 4) : null);
  return telling(row, group.name, () => groupPairs(group));
}

/** Curves of one panel: a line for the mean of the runs, a band from the lowest to the highest. */
function drawCurves(width, measure, panel) {
  const all = Object.entries(report.curves.of[measure.name]).map(([index, curve]) => ({ group: report.groups[index], index: +index, curve }));
  const own = report.series.length ? all.filter((one) => visible(one.group)) : all.filter((one) => !hiddenCurves.has(one.index));
  const drawn = own.filter((one) => one.group.panel === panel);
  const everything = own.length ? own : all;
  const height = 250, left = 46, right = width - 8, top = 28, bottom = height - 40;
  const unit = (v) => v * measure.scale;
  const heights = everything.flatMap(({ curve }) => [...curve.low, ...curve.high]).map(unit);
  const log = measure.scale === 1 && wantsLog(heights);
  const x = scale(spanOf(everything.flatMap(({ curve }) => curve.epochs)), [left, right]);
  const y = scale(padded(heights, 0.05, log), [bottom, top], log);
  const series = drawn.map(({ group, index, curve }) => {
    const ends = curve.epochs.map((epoch, i) => [x(epoch), y(unit(curve.low[i])), y(unit(curve.high[i])), y(unit(curve.mean[i]))]);
    const there = ends.map(([px, low]) => `${px} ${low}`), back = ends.map(([px, , high]) => `${px} ${high}`).reverse();
    const tone = curveSeries(group, index);
    return shape("g", { class: `c${tone % 8}` },
      curve.n > 1 ? shape("path", { class: "band", d: `M${[...there, ...back].join("L")}Z` }) : null,
      curve.epochs.length > 1
        ? shape("path", { class: "curve", "stroke-dasharray": DASHES[tone % 8], d: `M${ends.map(([px, , , mean]) => `${px} ${mean}`).join("L")}` })
        : mark(tone, ends[0][0], ends[0][3], 4, "mark"));
  });
  const cross = line(0, top, 0, bottom, "frame");
  cross.setAttribute("visibility", "hidden");
  const hit = shape("rect", { x: left, y: top, width: Math.max(0, right - left), height: bottom - top, class: "hit" });
  const steps = ticks(x, Math.max(2, width / 80)).filter(Number.isInteger);
  const svg = canvas(width, height, `${measure.title} over epochs ${report.panels[panel]}`,
    axisLeft(y, ticks(y, 6), { left, right }),
    axisBelow(x, steps, { top: bottom, bottom, title: "epoch", write: String }),
    label(fitting(report.panels[panel] || measure.title, width * 0.85), 0, 14, { kind: "head" }),
    ...series, cross, hit);
  followEpochs(hit, { svg, x, drawn, cross, measure });
  return svg;
}

const hiddenCurves = new Set();
const curveSeries = (group, index) => group.series ?? index;

function spanOf(values) {
  const low = Math.min(...values), high = Math.max(...values);
  return low === high ? [low - 1, high + 1] : [low, high];
}

/** Beside the pointer: every curve's value at the nearest epoch. */
function followEpochs(hit, { svg, x, drawn, cross, measure }) {
  const follow = (event) => {
    const box = svg.getBoundingClientRect();
    const at = (event.clientX - box.left) * (svg.viewBox.baseVal.width / box.width);
    const epochs = [...new Set(drawn.flatMap(({ curve }) => curve.epochs))];
    if (!epochs.length) return;
    const nearest = epochs.reduce((a, b) => (Math.abs(x(b) - at) < Math.abs(x(a) - at) ? b : a));
    cross.setAttribute("x1", x(nearest));
    cross.setAttribute("x2", x(nearest));
    cross.setAttribute("visibility", "visible");
    const rows = drawn.map(({ group, curve }) => [group, curve, curve.epochs.indexOf(nearest)]).filter(([, , i]) => i >= 0);
    rows.sort((a, b) => b[1].mean[b[2]] - a[1].mean[a[2]]);
    tell(event, `epoch ${nearest}`, rows.map(([group, curve, i]) => {
      const [mean, low, high] = [curve.mean, curve.low, curve.high].map((v) => reading(measure, v[i] * measure.scale));
      return [report.panels.length > 1 ? report.series[group.series] : group.name, curve.n > 1 ? `${mean} (${low} to ${high})` : mean];
    }));
  };
  hit.addEventListener("pointermove", follow);
  hit.addEventListener("pointerdown", follow);
  hit.addEventListener("pointerleave", () => { hush(); cross.setAttribute("visibility", "hidden"); });
}

/** The metric against a cost; a dashed line joins the groups that no other beats at their cost. */
function drawFront(width, cost, field) {
  const { metric } = report;
  const known = report.groups.filter((g) => g.field === field && g.mean !== null && g.costs[cost.name] !== null);
  const groups = known.filter(visible);
  const all = groups.length ? groups : known;
  const height = Math.min(440, Math.max(300, width * 0.6)), left = 46, right = width - 16, top = 30, bottom = height - 40;
  const prices = all.map((g) => g.costs[cost.name]);
  const log = wantsLog(prices);
  const x = scale(padded(prices, 0.1, log), [left, right], log);
  const y = scale(padded(all.flatMap((g) => [g.mean, g.low ?? g.mean, g.high ?? g.mean]).map((v) => v * metric.scale)), [bottom, top]);
  // Groups of the same cost stand side by side.
  const beside = (g) => {
    const same = groups.filter((other) => other.costs[cost.name] === g.costs[cost.name]);
    return same.length > 6 ? 0 : 8 * (same.indexOf(g) - (same.length - 1) / 2);
  };
  const place = (g) => [x(g.costs[cost.name]) + beside(g), y(g.mean * metric.scale)];
  const best = groups.filter((g) => g.front.includes(cost.name)).sort((a, b) => a.costs[cost.name] - b.costs[cost.name]);
  const path = best.map((g, i) => (i ? `H${place(g)[0]}V${place(g)[1]}` : `M${place(g).join(" ")}`)).join("");
  const dense = groups.length > 200;
  const marks = [...groups.filter((g) => !best.includes(g)), ...best].map((g) => {
    const [px, py] = place(g);
    const size = best.includes(g) ? 6 : dense ? 3 : 4.5;
    return telling(shape("g", { class: ink(g) },
      g.low === null || dense ? null : line(px, y(g.low * metric.scale), px, y(g.high * metric.scale), "range"),
      mark(g.series ?? 0, px, py, size, dense && size === 3 ? "mark faint" : "mark")), g.name, () => groupPairs(g));
  });
  const named = groups.length <= 16 ? [...best, ...groups.filter((g) => !best.includes(g))] : best;
  return canvas(width, height, `${metric.title} against ${cost.title}`,
    axisLeft(y, ticks(y, 6), { left, right, title: metric.title + (field ? `, ${field}` : ""), top: 14 }),
    axisBelow(x, ticks(x, width / 110), { top, bottom, title: cost.title + (log ? " (logarithmic)" : "") }),
    path ? shape("path", { class: "front", d: path }) : null, ...marks,
    ...placedLabels(named.map((g) => ({ text: g.name, at: place(g), strong: best.includes(g) })), groups.map(place), { left, right, top, bottom }));
}

/** Labels beside their points, where they cover neither a point nor each other; else none. */
function placedLabels(wanted, points, { left, right, top, bottom }) {
  const boxes = points.map(([x, y]) => [x - 6, y - 6, x + 6, y + 6]);
  const free = (box) => box[0] >= left && box[2] <= right + 10 && box[1] >= top - 6 && box[3] <= bottom &&
    boxes.every((other) => box[2] < other[0] || box[0] > other[2] || box[3] < other[1] || box[1] > other[3]);
  return wanted.flatMap(({ text, at: [x, y], strong }) => {
    const w = textWidth(text);
    const spots = [[x + 9, y - 7], [x - 9 - w, y - 7], [x + 9, y + 7], [x - 9 - w, y + 7], [x - w / 2, y - 16], [x - w / 2, y + 16]];
    const spot = spots.find(([px, py]) => free([px, py - 7, px + w, py + 7]));
    if (!spot) return [];
    boxes.push([spot[0], spot[1] - 7, spot[0] + w, spot[1] + 7]);
    return [label(text, spot[0], spot[1] + 4, { kind: strong ? "strong" : null })];
  });
}

/* Cividis, which reads alike with any colour vision (Nuñez, Anderton, Renslow, 2018), at five points. */
const CIVIDIS = [[0, 32, 77], [65, 77, 107], [124, 123, 120], [188, 175, 111], [255, 234, 70]];

function cividis(share) {
  const at = Math.min(3.999, Math.max(0, share * 4)), i = Math.floor(at);
  return CIVIDIS[i].map((low, k) => Math.round(low + (at - i) * (CIVIDIS[i + 1][k] - low)));
}

/** A cell for each pair of two settings; brighter is better. */
function drawHeat(width, [across, down]) {
  const { metric } = report;
  const [columns, rows] = [across, down].map(levels);
  const margin = Math.min(width * 0.35, Math.max(...rows.map((v) => textWidth(v.text))) + 12);
  const w = Math.max(44, Math.min(130, (width - margin) / columns.length)), h = 38, top = 46;
  const span = spanOf(report.groups.map((g) => g.mean).filter((v) => v !== null));
  const share = (v) => (metric.less ? span[1] - v : v - span[0]) / (span[1] - span[0]);
  const cells = report.groups.filter((g) => g.mean !== null).map((g) => {
    const i = columns.findIndex((v) => v.cell === g.cells[across.index]), j = rows.findIndex((v) => v.cell === g.cells[down.index]);
    const [r, green, b] = cividis(share(g.mean));
    const light = 0.3 * r + 0.59 * green + 0.11 * b > 140;
    const text = label(reading(metric, g.mean * metric.scale), margin + (i + 0.5) * w, top + (j + 0.5) * h + 4, { anchor: "middle", kind: "inside-cell" });
    text.style.fill = light ? "#10151c" : "#ffffff";
    const box = shape("rect", { x: margin + i * w + 1, y: top + j * h + 1, width: w - 2, height: h - 2, rx: 4 });
    box.style.fill = `rgb(${r} ${green} ${b})`;
    return telling(shape("g", {}, box, text), g.name, () => groupPairs(g));
  });
  const whole = Math.max(width, margin + w * columns.length);
  const svg = canvas(whole, top + h * rows.length + 8, `${metric.title} by ${across.name} and ${down.name}`,
    label(`${down.name} ↓   ${across.name} →`, 0, 14),
    ...columns.map((v, i) => label(fitting(v.text, w - 4), margin + (i + 0.5) * w, top - 8, { anchor: "middle", kind: "strong" })),
    ...rows.map((v, j) => label(fitting(v.text, margin - 8), 0, top + (j + 0.5) * h + 4, { kind: "strong" })), ...cells);
  if (whole > width) svg.style.width = `${whole}px`;
  return svg;
}

/** The values of an axis in order, with what groups have in their cells there. */
function levels(axis) {
  if (!axis.numeric) return axis.values.map((text, cell) => ({ text, cell }));
  const found = [...new Set(report.groups.map((g) => g.cells[axis.index]))].sort((a, b) => a - b);
  return found.map((cell) => ({ text: brief(cell), cell }));
}

/** What is written along an axis: its values if they are few, else round numbers. */
function axisMarks(axis, place, groups, gap) {
  if (!axis.numeric) return axis.values.map((text, v) => [fitting(text, gap - 12), v]);
  const values = [...new Set(groups.map(axis.value))];
  return (values.length <= 5 ? values : ticks(place, 5)).map((t) => [brief(t), t]);
}

/** A thread per group through its settings to its result; the better, the stronger. */
function drawThreads(width) {
  const { metric } = report;
  const groups = report.groups.filter((g) => g.mean !== null);
  const span = spanOf(groups.map((g) => g.mean));
  const goal = { name: metric.title, numeric: true, value: (g) => g.mean * metric.scale };
  const axes = [...report.axes.map((axis, i) => ({ ...axis, value: (g) => g.cells[i] })), goal];
  const whole = Math.max(width, axes.length * 96), height = 330, top = 44, bottom = height - 16;
  const gap = (whole - 130) / Math.max(1, axes.length - 1);
  const scales = axes.map((axis) => {
    const values = groups.map(axis.value);
    const log = axis.numeric && axis !== goal && wantsLog(values);
    return scale(axis.numeric ? padded(values, 0, log) : [-0.3, axis.values.length - 0.7], [bottom, top], log);
  });
  const at = (i) => 50 + i * gap;
  const crowded = groups.length > 150;
  // The best is drawn last, above the others.
  const threads = [...groups].reverse().map((g) => {
    const share = (metric.less ? span[1] - g.mean : g.mean - span[0]) / (span[1] - span[0]);
    const points = axes.map((axis, i) => `${at(i)} ${scales[i](axis.value(g))}`);
    const thread = shape("path", { class: "thread", d: `M${points.join("L")}` });
    thread.style.opacity = crowded ? 0.02 + 0.98 * share ** 16 : 0.1 + 0.9 * share ** 3;
    return telling(thread, g.name, () => groupPairs(g));
  });
  const frames = axes.map((axis, i) => shape("g", {},
    line(at(i), top, at(i), bottom, "frame"),
    label(fitting(axis.name, gap - 6), at(i), 16, { anchor: "middle", kind: "head" }),
    ...axisMarks(axis, scales[i], groups, gap)
      .map(([text, v]) => label(text, at(i) + 6, scales[i](v) + 4))));
  const svg = canvas(whole, height, `${metric.title} of ${groups.length} groups through their settings`, ...threads, ...frames);
  if (whole > width) svg.style.width = `${whole}px`;
  return svg;
}
