// Elements and tables. Text only ever becomes text nodes, so nothing in it can be markup.

const byId = (id) => document.getElementById(id);

/** An element of HTML: attributes, listeners (functions), then children. */
function node(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** Likewise of SVG. */
function shape(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(byId("space").namespaceURI, tag), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

const NUMBER = /^[<+-]?[\d,]*\.?\d+(e[+-]?\d+)?( ?[±(].*| to .*)?$/;

/** The number that a cell begins with; null for none. */
function leading(text) {
  if (!NUMBER.test(text)) return null;
  return parseFloat(text.replace(/^<|,/g, ""));
}

/** From -1 to 1; empty cells come last whichever the direction. */
function compareCells(a, b, numeric, direction) {
  const empty = (text) => text === "" || text === "-";
  if (empty(a) || empty(b)) return empty(a) - empty(b);
  const order = numeric ? leading(a) - leading(b) : a.localeCompare(b, "en", { numeric: true });
  return direction * order;
}

/**
 * A table whose headers sort it.
 *
 * @param columns names
 * @param rows of texts
 * @param caption what a screen reader says of it
 * @param limit how many rows are shown until one asks for all
 * @param cell (text, column, row) → what is put into the cell; null for the text
 * @returns the element, and a function that keeps only the rows that meet a condition
 */
function sortable({ columns, rows, caption, limit = 60, cell = () => null }) {
  const numeric = columns.map((_, column) => {
    const texts = rows.map((row) => row[column]).filter((text) => text !== "" && text !== "-");
    return texts.length > 0 && texts.every((text) => leading(text) !== null);
  });
  let kept = rows.map((_, index) => index);
  let order = null;
  let all = false;
  const body = node("tbody");
  const more = node("button", { class: "plain more", type: "button", click: () => { all = true; fill(); } });
  const heads = columns.map((name, column) =>
    node("th", { scope: "col", class: numeric[column] ? "number" : null },
      node("button", { type: "button", click: () => sort(column) }, name)));

  function sort(column) {
    // Numbers are looked at for the largest first, names for the first in the alphabet.
    const first = numeric[column] ? -1 : 1;
    order = { column, direction: order?.column === column ? -order.direction : first };
    heads.forEach((head, index) => {
      if (index !== column) head.removeAttribute("aria-sort");
      else head.setAttribute("aria-sort", order.direction > 0 ? "ascending" : "descending");
    });
    fill();
  }

  function fill() {
    const sorted = order === null ? kept : [...kept].sort((a, b) =>
      compareCells(rows[a][order.column], rows[b][order.column], numeric[order.column], order.direction));
    const shown = all ? sorted : sorted.slice(0, limit);
    body.replaceChildren(...shown.map((index) =>
      node("tr", {}, ...rows[index].map((text, column) =>
        node("td", { class: numeric[column] ? "number" : text.length > 60 ? "long" : null }, cell(text, column, index) ?? text)))));
    more.hidden = shown.length === sorted.length;
    more.replaceChildren(`Show all ${sorted.length.toLocaleString("en")}`);
  }

  fill();
  const table = node("table", { "aria-label": caption }, node("thead", {}, node("tr", {}, ...heads)), body);
  const scroll = node("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption }, table);
  return {
    element: node("div", {}, scroll, more),
    keep: (test) => { kept = rows.map((_, index) => index).filter(test); fill(); return kept.length; },
  };
}
