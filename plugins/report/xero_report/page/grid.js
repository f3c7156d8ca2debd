// Elements and tables. Text is always text: nothing of the books is taken for markup.

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null && value !== false) {
      made.setAttribute(name, value === true ? "" : value);
    }
  }
  made.append(...children.flat().filter((child) => child !== undefined && child !== null));
  return made;
}

/**
 * A table that scrolls by itself where it is too wide.
 *
 * columns: heads, the first one being that of the rows' names; an object has `head` and `wide`.
 * rows: {name, cells, kind}, where kind is "line", "head", "total" or "result", and a cell is text
 * or {text, negative}.
 */
function grid(name, caption, columns, rows) {
  const heads = columns.map((column, at) =>
    element("th", { scope: "col", class: at ? "figure" : undefined }, column));
  const body = rows.map((row) => element("tr", { class: row.kind ?? "line" },
    element("th", {
      scope: row.kind === "head" ? "colgroup" : "row",
      colspan: row.kind === "head" ? columns.length : undefined,
    }, row.name),
    (row.cells ?? []).map((cell) => typeof cell === "string"
      ? element("td", { class: "words" }, cell)
      : element("td", { class: cell.negative ? "figure negative" : "figure" }, cell.text))));
  const label = `table-${name}`;
  return element("div", { class: "scroll", tabindex: "0", role: "region", "aria-labelledby": label },
    element("table", { "data-table": name },
      element("caption", { id: label }, caption),
      element("thead", {}, element("tr", {}, heads)),
      element("tbody", {}, body)));
}

const note = (...words) => element("p", { class: "note" }, ...words);
