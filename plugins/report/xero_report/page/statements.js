// Profit and loss, and balance sheet: lines by section, their totals, and what the totals come to.

/**
 * Amounts by section and line, a column each.
 *
 * Lines are accounts, or in the group organisations, whose amounts are in its currency.
 * columns: {head, figure, months(place)}.
 */
function sectionsOf(view, table, columns) {
  const sections = new Map();
  const missing = new Set();
  const add = (label, name, at, amount) => {
    const [position, section, side] = label;
    if (!sections.has(section)) sections.set(section, { section, position, side, lines: new Map() });
    const { lines } = sections.get(section);
    if (!lines.has(name)) lines.set(name, columns.map(() => 0n));
    lines.get(name)[at] += amount;
  };
  columns.forEach((column, at) => {
    for (const place of view.places) {
      for (const month of column.months(place)) {
        for (const { label, figures } of rowsOf(view.isGroup ? `group_${table}` : table, place, month)) {
          if (!view.isGroup) {
            add(label, [label[3], label[4]].filter(Boolean).join(" "), at, units(figures[column.figure]));
          } else if (label[4]) {
            add(label, DATA.organisations[place].name, at, units(figures[0]));
          } else {
            missing.add(`${DATA.organisations[place].name} (${label[3]})`);
          }
        }
      }
    }
  });
  const sorted = [...sections.values()].sort((a, b) => a.position - b.position);
  for (const each of sorted) {
    each.sums = columns.map((_, at) => total([...each.lines.values()].map((line) => line[at])));
    // A line that is nothing in every column says nothing.
    each.names = [...each.lines.keys()].filter((name) => each.lines.get(name).some(Boolean)).sort();
  }
  return { sections: sorted, missing: [...missing] };
}

function sectionRows(view, { section, lines, names, sums }) {
  const cells = (amounts) => amounts.map(view.amount);
  return [
    { name: section, kind: "head" },
    ...names.map((name) => ({ name, cells: cells(lines.get(name)) })),
    { name: `Total ${section.toLowerCase()}`, kind: "total", cells: cells(sums) },
  ];
}

function profitColumns(view) {
  const recent = monthsTo(view.month, 12).reverse();
  const [current, ...earlier] = recent.map((month) => ({
    head: view.shortMonth(month), figure: 0, months: () => [month],
  }));
  const longer = view.isGroup
    ? { head: "12 months", figure: 0, months: () => recent }
    : { head: "Year to date", figure: 1, months: () => [view.month] };
  return [current, longer, ...earlier];
}

const result = (sections, at, places = [1, 2, 3, 4]) => total(
  sections.filter((each) => places.includes(each.position)).map((each) => BigInt(each.side) * each.sums[at]));

function profitAndLoss(view) {
  const columns = profitColumns(view);
  const { sections, missing } = sectionsOf(view, "profit_and_loss", columns);
  const results = (name, places) => ({
    name, kind: "result", cells: columns.map((_, at) => view.amount(result(sections, at, places))),
  });
  const rows = [];
  for (const section of sections) {
    rows.push(...sectionRows(view, section));
    if (section.position === 2) rows.push(results("Gross profit", [1, 2]));
  }
  rows.push(results("Net profit"));
  return {
    charts: [{ name: "profit_and_loss", label: "Income, expenses and, as a line, net profit by month", rows: profitMarks(view) }],
    grids: [grid("profit_and_loss", `Profit and loss, accrual basis, ${view.currency}`,
      [view.isGroup ? "Organisation" : "Account", ...columns.map((column) => column.head)], rows)],
    notes: missing.length ? [unconverted(missing)] : [],
  };
}

function unconverted(missing) {
  return element("p", { class: "warning" },
    "These totals are not complete: for some of these months no document states a rate to the "
    + `group's currency for ${missing.join(", ")}.`);
}

function profitMarks(view) {
  const months = monthsTo(view.month, 24).filter((month) => monthsOf(view.organisation).includes(month));
  const columns = months.map((month) => ({ figure: 0, months: () => [month] }));
  const { sections } = sectionsOf(view, "profit_and_loss", columns);
  return months.flatMap((month, at) => [
    ["Income", result(sections, at, [1, 3])],
    ["Expenses", -result(sections, at, [2, 4])],
    ["Net profit", result(sections, at)],
  ].map(([series, amount]) => mark(view, month, series, amount)));
}

function mark(view, month, series, amount, words = view.words) {
  return {
    month: view.shortMonth(month), series, amount: approximate(amount),
    text: `${view.shortMonth(month)}, ${series}: ${words(amount)}`,
  };
}

const SIDES = [["ASSET", "Total assets"], ["LIABILITY", "Total liabilities"], ["EQUITY", "Total equity"]];

function balanceSheet(view) {
  const months = [view.month, shifted(view.month, -1), shifted(view.month, -12)];
  const columns = months.map((month) => ({ figure: 0, months: () => [month] }));
  const { sections, missing } = sectionsOf(view, "balance_sheet", columns);
  const side = (name) => columns.map((_, at) =>
    total(sections.filter((each) => each.side === name).map((each) => each.sums[at])));
  const [assets, liabilities, equity] = SIDES.map(([name]) => side(name));
  const net = assets.map((amount, at) => amount - liabilities[at]);
  const cells = (amounts) => amounts.map(view.amount);
  const rows = [];
  SIDES.forEach(([name, title], at) => {
    for (const section of sections.filter((each) => each.side === name)) {
      // Equity is one section, whose total is the side's.
      rows.push(...sectionRows(view, section).slice(0, name === "EQUITY" ? -1 : undefined));
    }
    rows.push({ name: title, kind: "result", cells: cells([assets, liabilities, equity][at]) });
    if (name === "LIABILITY") rows.push({ name: "Net assets", kind: "result", cells: cells(net) });
  });
  const notes = missing.length ? [unconverted(missing)] : [];
  if (net[0] !== equity[0]) {
    notes.push(element("p", { class: "warning" },
      `Net assets are not total equity: ${view.words(net[0] - equity[0])} apart.`));
  }
  return {
    charts: [{ name: "balance_sheet", label: "Assets, liabilities and equity by month", rows: balanceMarks(view) }],
    grids: [grid("balance_sheet", `Balance sheet, accrual basis, ${view.currency}`,
      [view.isGroup ? "Organisation" : "Account", ...months.map(view.monthEnd)], rows)],
    notes,
  };
}

function balanceMarks(view) {
  const months = monthsTo(view.month, 24).filter((month) => monthsOf(view.organisation).includes(month));
  const columns = months.map((month) => ({ figure: 0, months: () => [month] }));
  const { sections } = sectionsOf(view, "balance_sheet", columns);
  return months.flatMap((month, at) => SIDES.map(([side, title]) => mark(
    view, month, title.replace("Total ", "").replace(/^./, (letter) => letter.toUpperCase()),
    total(sections.filter((each) => each.side === side).map((each) => each.sums[at])))));
}
