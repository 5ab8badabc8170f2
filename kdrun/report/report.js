// The page, put together from what kdrun wrote into it.

const report = JSON.parse(byId("content").textContent);
const count = (n, word) => `${n.toLocaleString("en")} ${word}${n === 1 ? "" : "s"}`;

/** A section with a heading, an introduction and whatever is in it. */
function section(id, title, about, ...children) {
  byId("nav").append(node("a", { href: `#${id}` }, title));
  byId("main").append(node("section", { id, "aria-labelledby": `${id}-title` },
    node("h2", { id: `${id}-title` }, title), about ? node("p", { class: "soft small" }, about) : null, ...children));
}

function head() {
  const { facts, metric, groups = [] } = report;
  // Only what was tested on the same data has a best.
  const fields = new Set(groups.map((group) => group.field));
  const best = fields.size === 1 ? groups.find((group) => group.mean !== null) : null;
  const tile = (name, value, note, kind) => node("div", { class: kind }, node("dt", {}, name), node("dd", {}, value, note ? node("small", {}, note) : null));
  const other = Object.entries(facts.states).filter(([state]) => !["ok", "failed", "-"].includes(state));
  const failed = facts.states.failed ?? 0;
  const verdicts = (word) => groups.filter((group) => group.verdict === word).length;
  const judged = groups.some((group) => group.difference);
  filled(byId("head"), {}, [
    node("h1", {}, report.title),
    node("p", { class: "soft" }, facts.summary + (facts.by.length ? `; groups differ in ${facts.by.join(", ")}` : "")),
    node("dl", { class: "tiles" },
      best ? tile(groups.length > 1 ? `best ${metric.title}` : metric.title, best.text, groups.length > 1 ? best.name : null, "wide") : null,
      judged ? tile("against the baseline", `${verdicts("better")} better, ${verdicts("worse")} worse`, `${verdicts("not distinguishable")} not distinguishable`, "wide") : null,
      tile("runs", facts.runs.toLocaleString("en"), other.map(([state, n]) => `${n} ${state}`).join(", ")),
      groups.length ? tile("groups", groups.length.toLocaleString("en")) : null,
      tile("failed", failed.toLocaleString("en"), null, failed ? "bad" : null)),
  ]);
}

/** Buttons that switch series on and off, in all charts. */
function keys(names, hidden) {
  if (names.length < 2) return null;
  return node("div", { class: "bar", role: "group", "aria-label": "Series" }, ...names.map(({ name, tone }) => {
    const button = node("button", { class: `key c${tone % 8}`, type: "button", "data-tone": tone, "aria-pressed": String(!hidden.has(tone)), click: () => {
      if (!hidden.delete(tone)) hidden.add(tone);
      for (const twin of document.querySelectorAll(".key")) twin.setAttribute("aria-pressed", String(!hidden.has(+twin.dataset.tone)));
      redraw(true);
    } }, shape("svg", { width: 26, height: 12, "aria-hidden": "true" },
      shape("path", { class: "curve", d: "M0 6H26", "stroke-dasharray": DASHES[tone % 8] }), mark(tone, 13, 6, 4, "mark")), name);
    return button;
  }));
}

const seriesKeys = () => keys(report.series.map((name, tone) => ({ name, tone })), hiddenSeries);

/** A choice among some; nothing where there is only one. */
function choice(title, options, change) {
  if (options.length < 2) return null;
  const select = node("select", { change: () => change(options[select.selectedIndex]) }, ...options.map((option) => node("option", {}, option.title)));
  return node("div", { class: "bar" }, node("label", {}, title, select));
}

function results() {
  const { table, facts } = report;
  const kinds = { better: "better", worse: "worse" };
  const verdict = table.columns.indexOf("verdict");
  const { element } = sortable({ ...table, caption: "Groups of runs",
    cell: (text, column) => (column === verdict && kinds[text] ? node("span", { class: kinds[text] }, text) : null) });
  const alike = Object.entries(facts.alike);
  section("results", "Results", "A row for each group of runs that differ only in what was averaged over: mean ± standard deviation. Click a heading to sort.", element,
    node("ul", { class: "notes" }, ...facts.notes.map((note) => node("li", {}, note)),
      alike.length ? node("li", {}, `alike in all: ${alike.map(([key, value]) => `${key}=${value}`).join(", ")}`) : null));
}

function means() {
  if (report.groups.length === 1 && report.groups[0].n === 1) return;
  const some = report.groups.length > ROWS ? ` The first ${ROWS} of ${count(report.groups.length, "group")}; the table has all.` : "";
  section("means", "Means", `Large mark: the mean; bar: its 95 % bootstrap interval; small dots: the runs.${some} ${report.metric.less ? "Less is better." : ""}`,
    seriesKeys(), chart(drawMeans));
}

function overEpochs() {
  const { measures, of, all } = report.curves;
  if (!measures.length) return;
  let measure = measures[0];
  const shown = Object.keys(of[measure.name]);
  const names = report.series.length ? null : keys(shown.map((i) => ({ name: report.groups[i].name, tone: +i })), hiddenCurves);
  const grid = node("div", { class: "grid" }, ...report.panels.map((_, panel) => chart((width) => drawCurves(width, measure, panel))));
  section("curves", "Over epochs", `${measures.length > 1 ? "" : `${measure.title}. `}Line: the mean of the runs; band: from the lowest to the highest of them.${all ? "" : ` The ${shown.length} best groups.`}`,
    choice("show", measures, (chosen) => { measure = chosen; redraw(true); }), names ?? seriesKeys(), grid);
}

function costs() {
  const known = report.costs.filter((cost) => new Set(report.groups.map((g) => g.costs[cost.name]).filter((v) => v !== null)).size > 1);
  if (!known.length) return;
  let cost = known[0];
  const fields = [...new Set(report.groups.map((group) => group.field))].sort();
  section("front", "What it costs", `${report.metric.title} against cost. The dashed line joins the groups that no other beats without costing more.`,
    choice("cost", known, (chosen) => { cost = chosen; redraw(true); }), seriesKeys(),
    node("div", { class: fields.length > 1 ? "grid" : null }, ...fields.map((field) => chart((width) => drawFront(width, cost, field)))));
}

function settings() {
  const axes = report.axes.map((axis, index) => ({ ...axis, index }));
  const sizes = axes.map((axis) => levels(axis).length);
  if (axes.length === 2 && Math.max(...sizes) <= 16 && 2 * report.groups.length > sizes[0] * sizes[1]) {
    const [few, many] = sizes[0] <= sizes[1] ? axes : [axes[1], axes[0]];
    section("settings", "Settings", `Mean ${report.metric.title} for each pair; brighter is better.`, chart((width) => drawHeat(width, [many, few]), "wide"));
  } else if (axes.length && report.groups.length >= 4 && (axes.length > 1 || axes[0].numeric)) {
    section("settings", "Settings", `A line for each group, through its settings to its ${report.metric.title}; the better, the stronger.`, chart(drawThreads, "wide"));
  }
}

let reference = report.reference ?? 0;

/** What a run's row opens: links to its files, and in what its config differs from another. */
function detail(index) {
  const link = report.links[index];
  const name = (i) => report.runs.rows[i][0];
  const apart = report.settings.filter((one) => one.of[index] !== one.of[reference]);
  const value = (one, i) => one.values[one.of[i]] ?? "no record";
  return node("div", { class: "inside" },
    link
      ? node("ul", { "aria-label": "Files" }, node("li", {}, node("a", { href: link.href }, "folder")), ...link.files.map((file) => node("li", {}, node("a", { href: link.href + file }, file))))
      : node("p", { class: "soft" }, "The folder of this run is not here."),
    index === reference ? node("p", { class: "soft" }, "The config of every other run is held against this one's.")
      : apart.length === 0 ? node("p", { class: "soft" }, `No setting is known to differ from ${name(reference)}.`)
      : node("table", {}, node("thead", {}, node("tr", {}, node("td", {}, "setting"), node("td", {}, "here"), node("td", {}, `in ${name(reference)}`))),
        node("tbody", {}, ...apart.map((one) => node("tr", {}, node("td", { class: "mono" }, one.name), node("td", {}, value(one, index)), node("td", { class: "soft" }, value(one, reference)))))),
    index === reference ? null : node("button", { class: "plain", type: "button", click: (event) => { reference = index; event.target.closest(".inside").replaceWith(detail(index)); } }, "Hold the others against this one"));
}

function runs() {
  const { columns, rows } = report.runs;
  const opened = (text, index) => {
    const button = node("button", { class: "run", type: "button", "aria-expanded": "false", click: () => {
      const row = button.closest("tr"), open = button.getAttribute("aria-expanded") === "true";
      button.setAttribute("aria-expanded", String(!open));
      if (open) row.nextElementSibling.remove();
      else row.after(node("tr", { class: "detail" }, node("td", { colspan: columns.length }, detail(index))));
    } }, text);
    return button;
  };
  const table = sortable({ columns, rows, caption: "Runs", limit: 25, cell: (text, column, index) => {
    if (column === 0) return opened(text, index);
    return column === 1 && text === "failed" ? node("span", { class: "failed" }, text) : null;
  } });
  const told = node("span", { class: "soft", role: "status" }, count(rows.length, "run"));
  const filter = node("input", { type: "search", placeholder: "resnet8 kd", input: () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const kept = table.keep((index) => words.every((word) => rows[index].some((text) => text.toLowerCase().includes(word))));
    told.replaceChildren(words.length ? `${kept.toLocaleString("en")} of ${count(rows.length, "run")}` : count(rows.length, "run"));
  } });
  section("runs", "Runs", "Every run, with its files and in what its config differs: click its name.",
    rows.length > 5 ? node("div", { class: "bar" }, node("label", {}, "only", filter), told) : null, table.element);
}

function failures() {
  const { errors } = report.failures;
  if (!errors.length) return;
  const shown = 12;
  const name = (index) => {
    const link = report.links[index], text = report.runs.rows[index][0];
    return link ? node("a", { class: "mono", href: link.href + (link.files.includes("run.log") ? "run.log" : "") }, text) : node("span", { class: "mono" }, text);
  };
  section("failures", "Failures", "Runs that failed, those with the same error together.", ...errors.map((one) => {
    const rest = one.runs.slice(shown);
    const list = (some) => node("ul", { class: "links small" }, ...some.map((index) => node("li", {}, name(index))));
    return node("div", { class: "error" }, node("pre", {}, one.error), node("p", { class: "soft small" }, count(one.runs.length, "run")), list(one.runs.slice(0, shown)),
      rest.length ? node("details", {}, node("summary", { class: "small" }, `${rest.length.toLocaleString("en")} more`), list(rest)) : null);
  }));
}

function differences() {
  if (!report.settings.length) return;
  const several = (values) => {
    const texts = values.map((value) => value ?? "no record");
    return texts.length <= 8 ? texts.join(", ") : `${texts.slice(0, 6).join(", ")}, …, ${texts.at(-1)}`;
  };
  const { element } = sortable({ columns: ["setting", "how many", "values"], caption: "Settings that differ",
    rows: report.settings.map((one) => [one.name, String(one.values.length), several(one.values)]) });
  element.classList.add("values");
  section("differences", "Differences", "The settings in which the configs of these runs differ; all others are the same.", element);
}

function byClass() {
  const { columns, rows } = report.classes;
  if (!rows.length) return;
  const { element } = sortable({ columns, rows, caption: "Precision, recall and F1 of each class" });
  section("classes", "Classes", "Per cent of the test split, mean ± standard deviation over runs: how much of what was given a class is of it (precision), and how much of a class was found (recall).", element);
}

head();
if (report.table) { results(); means(); overEpochs(); costs(); settings(); byClass(); }
failures();
runs();
differences();
byId("foot").append("Written by ", node("code", {}, report.command), ".");
redraw();
new ResizeObserver(() => requestAnimationFrame(() => redraw())).observe(document.body);
addEventListener("keydown", (event) => { if (event.key === "Escape") hush(); });
addEventListener("scroll", hush, { passive: true });
