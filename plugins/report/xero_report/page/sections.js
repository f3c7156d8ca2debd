// The other sections. In the group each organisation stands in its own currency and customs, since
// the marts convert statements only.

const sumOf = (rows, figure) => total(rows.map((row) => units(row.figures[figure])));
const inCurrency = (member) => `${member.name}, ${member.currency}`;

/** Members of what is shown: organisations with their places and customs. */
const membersOf = (view) => view.places.map((place) => ({ place, ...memberOf(place) }));

const currencyOf = (view) => view.isGroup ? "each organisation in its own currency" : view.currency;

const booksOf = (view, many) =>
  monthsTo(view.month, many).filter((month) => monthsOf(view.organisation).includes(month));

function bankAccounts(view) {
  const rows = membersOf(view).flatMap((member) => {
    const accounts = rowsOf("bank_accounts", member.place, view.month);
    if (!accounts.length) return [];
    const cells = (amounts) => amounts.map(member.amount);
    return [
      ...(view.isGroup ? [{ name: inCurrency(member), kind: "head" }] : []),
      ...accounts.map(({ label: [code, account, currency], figures }) => ({
        name: [code, account, currency && currency !== member.currency ? `(${currency})` : ""].filter(Boolean).join(" "),
        cells: cells(figures.map(units)),
      })),
      { name: "Total", kind: "total", cells: cells([0, 1, 2, 3, 4].map((at) => sumOf(accounts, at))) },
    ];
  });
  const marks = view.isGroup ? [] : booksOf(view, 24).flatMap((month) =>
    rowsOf("bank_accounts", view.organisation, month).map(({ label, figures }) =>
      mark(view, month, label[1], units(figures[4]))));
  return {
    charts: marks.length ? [{ name: "bank_accounts", label: "Closing balance of each bank account by month", rows: marks }] : [],
    grids: [grid("bank_accounts", `Cash by bank account in ${view.shortMonth(view.month)}, ${currencyOf(view)}`,
      ["Account", "Opening balance", "Received", "Spent", "Revaluation", "Closing balance"], rows)],
  };
}

const AGES = ["Current", "< 1 month", "1 month", "2 months", "3 months", "Older"];

function aged(view, name, title, whose) {
  const rows = [];
  for (const member of membersOf(view)) {
    const contacts = rowsOf(name, member.place, view.month);
    const cells = (ages) => [...ages, total(ages)].map(member.amount);
    const sums = cells(AGES.map((_, at) => sumOf(contacts, at)));
    if (view.isGroup) {
      rows.push({ name: inCurrency(member), cells: sums });
      continue;
    }
    rows.push(...contacts.map(({ label: [contact, currency], figures }) => ({
      name: currency && currency !== member.currency ? `${contact} (${currency})` : contact ?? "No contact",
      cells: cells(figures.map(units)),
    })), { name: "Total", kind: "result", cells: sums });
  }
  const marks = view.isGroup ? [] : booksOf(view, 12).flatMap((month) => {
    const contacts = rowsOf(name, view.organisation, month);
    return AGES.map((age, at) => ({ ...mark(view, month, age, sumOf(contacts, at)), place: at }));
  });
  return {
    charts: marks.length ? [{ name, label: `${title} by month and age`, rows: marks }] : [],
    grids: [grid(name, `${title} at ${view.monthEnd(view.month)}, by due date, ${currencyOf(view)}`,
      [view.isGroup ? "Organisation" : whose, ...AGES, "Total"], rows)],
  };
}

function tracking(view) {
  const recent = monthsTo(view.month, 12).reverse();
  const columns = [
    { head: view.shortMonth(view.month), months: () => [view.month] },
    { head: "Year to date", months: (place) => yearTo(place, view.month) },
    ...recent.slice(1).map((month) => ({ head: view.shortMonth(month), months: () => [month] })),
  ];
  const rows = [];
  const marks = [];
  for (const member of membersOf(view)) {
    const categories = new Map();
    columns.forEach((column, at) => {
      for (const month of column.months(member.place)) {
        for (const { label: [category, option], figures } of rowsOf("tracking", member.place, month)) {
          if (!categories.has(category)) categories.set(category, new Map());
          const options = categories.get(category);
          const name = option ?? "No option";
          if (!options.has(name)) options.set(name, columns.map(() => 0n));
          options.get(name)[at] += units(figures[0]);
        }
      }
    });
    for (const [category, options] of [...categories].sort()) {
      const sums = columns.map((_, at) => total([...options.values()].map((amounts) => amounts[at])));
      if (!sums.some(Boolean) && ![...options.values()].some((each) => each.some(Boolean))) continue;
      rows.push({ name: view.isGroup ? `${inCurrency(member)}: ${category}` : category, kind: "head" });
      for (const [option, amounts] of options) {
        rows.push({ name: option, cells: amounts.map(member.amount) });
        if (!view.isGroup) {
          marks.push({ series: `${category}: ${option}`, amount: approximate(amounts[1]),
            text: `${category}, ${option}, year to date: ${member.words(amounts[1])}` });
        }
      }
      rows.push({ name: "Total", kind: "total", cells: sums.map(member.amount) });
    }
  }
  return {
    charts: marks.length ? [{ name: "tracking", label: "Revenue of the year to date by tracking option", rows: marks }] : [],
    grids: rows.length ? [grid("tracking", `Revenue by tracking option, ${currencyOf(view)}`,
      ["Option", ...columns.map((column) => column.head)], rows)] : [],
    notes: rows.length ? [] : [note("There are no tracking categories.")],
  };
}

const PERIODS = { month: 12, quarter: 8, year: 5 };

/** The bridges of a period up to the month, the latest first. */
function bridges(place, period, until, many) {
  const step = { month: 1, quarter: 3, year: 12 }[period];
  return monthsOf(place).filter((month) => month <= until && (Number(month.slice(5)) - 1) % step === 0)
    .map((month) => ({ month, ...rowsOf("customers", place, month).find((row) => row.label[0] === period) }))
    .filter((row) => row.figures).slice(0, many);
}

function customers(view, options) {
  const { period = "quarter" } = options;
  const lines = membersOf(view).flatMap((member) =>
    bridges(member.place, period, view.month, view.isGroup ? 1 : PERIODS[period])
      .map((row) => ({ ...row, member })));
  const periodName = (line) => view.isGroup ? inCurrency(line.member) : {
    month: view.shortMonth(line.month),
    quarter: `Quarter from ${view.shortMonth(line.month)}`,
    year: line.month.slice(0, 4),
  }[period];
  const kept = ({ figures }) => BigInt(figures[11]) - BigInt(figures[8]) - BigInt(figures[9]);
  const counts = lines.map((line) => ({
    name: periodName(line),
    cells: [
      ...[line.figures[7], String(kept(line)), line.figures[8], line.figures[9], line.figures[10], line.figures[11]].map(line.member.count),
      line.member.share(line.figures[14]),
    ],
  }));
  const revenue = lines.map((line) => ({
    name: periodName(line),
    cells: [
      ...line.figures.slice(0, 7).map((figure) => line.member.amount(units(figure))),
      line.member.share(line.figures[12]), line.member.share(line.figures[13]),
    ],
  }));
  const marks = view.isGroup ? [] : [...lines].reverse().flatMap((line) => [
    ["Kept", kept(line)],
    ["Won", BigInt(line.figures[8]) + BigInt(line.figures[9])],
    ["Lost", -BigInt(line.figures[10])],
  ].map(([series, count]) => ({
    month: periodName(line), series, amount: Number(count),
    text: `${periodName(line)}, ${series}: ${count < 0n ? -count : count} customers`,
  })));
  const when = view.isGroup ? ` in the ${period} to ${view.shortMonth(view.month)}` : ` by ${period}`;
  return {
    charts: marks.length ? [{ name: "customers", label: `Customers kept, won and lost by ${period}`, rows: marks }] : [],
    choice: { name: "period", label: "By", values: Object.keys(PERIODS), chosen: period },
    grids: [
      grid("customers", `Customers${when}`,
        [view.isGroup ? "Organisation" : "Period", "At the start", "Kept", "New", "Came back", "Lost", "At the end", "Churn"], counts),
      grid("customer_revenue", `What that did to revenue${when}, ${currencyOf(view)}`,
        [view.isGroup ? "Organisation" : "Period", "Before", "New", "Came back", "Bought more", "Bought less", "Lost", "After", "Gross retention", "Net retention"], revenue),
    ],
    notes: [note("A customer is one with income in the period; who buys every other month is lost and comes back by month, and kept by quarter or year.")],
  };
}

const better = (sign, variance) => variance === 0n ? "" : BigInt(sign) * variance > 0n ? "better" : "worse";

function budgets(view, options) {
  const rows = [];
  const marks = [];
  const names = new Set();
  let chosen = options.budget;
  for (const member of membersOf(view)) {
    const own = rowsOf("budgets", member.place, view.month);
    for (const row of own) names.add(row.label[0]);
    const budget = !view.isGroup && names.has(chosen) ? chosen : own[0]?.label[0];
    if (budget === undefined) continue;
    chosen = budget;
    const sections = new Map();
    for (const month of yearTo(member.place, view.month)) {
      for (const { label: [name, position, section, sign, code, account], figures } of rowsOf("budgets", member.place, month)) {
        if (name !== budget) continue;
        if (!sections.has(section)) sections.set(section, { position, sign, lines: new Map() });
        const { lines } = sections.get(section);
        const line = [code, account].filter(Boolean).join(" ");
        if (!lines.has(line)) lines.set(line, { month: [0n, 0n, 0n], share: "", year: [0n, 0n, 0n] });
        const at = lines.get(line);
        figures.slice(0, 3).forEach((figure, column) => { at.year[column] += units(figure); });
        if (month === view.month) {
          figures.slice(0, 3).forEach((figure, column) => { at.month[column] += units(figure); });
          at.share = figures[3];
        }
      }
    }
    if (view.isGroup) rows.push({ name: `${inCurrency(member)}: ${budget}`, kind: "head" });
    const cells = (month, share, year, sign) => {
      // What is worse than planned stands out, whatever its sign.
      const variance = (cell, amount) => ({ ...cell, negative: better(sign, amount) === "worse" });
      const span = (amounts) => amounts.map((amount, at) =>
        at === 2 ? variance(member.amount(amount), amount) : member.amount(amount));
      return [...span(month), share && variance(share, month[2]), ...span(year), better(sign, year[2])];
    };
    for (const [section, { sign, lines }] of [...sections].sort((a, b) => a[1].position - b[1].position)) {
      const sums = (span) => [0, 1, 2].map((at) => total([...lines.values()].map((line) => line[span][at])));
      if (!view.isGroup) {
        rows.push({ name: section, kind: "head" });
        for (const [name, line] of [...lines].sort()) {
          rows.push({ name, cells: cells(line.month, member.share(line.share), line.year, sign) });
          if (line.year[2]) {
            marks.push({ account: name, amount: approximate(line.year[2]),
              series: better(sign, line.year[2]) === "better" ? "Better than planned" : "Worse than planned",
              text: `${name}, year to date: ${member.words(line.year[2])} against the budget` });
          }
        }
      }
      rows.push({
        name: view.isGroup ? section : `Total ${section.toLowerCase()}`,
        kind: view.isGroup ? "line" : "total",
        cells: cells(sums("month"), "", sums("year"), sign),
      });
    }
  }
  const month = view.shortMonth(view.month);
  return {
    charts: marks.length ? [{ name: "budgets", label: "Variance of the year to date by account", rows: marks }] : [],
    choice: names.size > 1 && !view.isGroup ? { name: "budget", label: "Budget", values: [...names], chosen } : undefined,
    grids: rows.length ? [grid("budgets", `Budget against actual, accrual basis, ${currencyOf(view)}`,
      [view.isGroup ? "Section" : "Account", `${month}: actual`, "Budget", "Variance", "%",
        "Year to date: actual", "Budget", "Variance", "Than planned"], rows)] : [],
    notes: rows.length ? [] : [note("There is no budget for this month.")],
  };
}

function freshness(view) {
  const moment = (text) => text ? `${instant(text)} (${ago(text)})` : NOTHING;
  const words = {
    right: () => "read and loaded",
    failing: (stream) => `failing since ${moment(stream.failing_since)}: ${stream.reason}`,
    withheld: (stream) => `not handed out by Xero: ${stream.reason}`,
  };
  const rows = [];
  let head;
  for (const stream of DATA.streams) {
    if (!view.isGroup && stream.place !== null && stream.place !== view.organisation) continue;
    if (view.isGroup && stream.organisation !== head) {
      head = stream.organisation;
      rows.push({ name: head, kind: "head" });
    }
    rows.push({
      name: stream.stream,
      kind: stream.status === "failing" ? "line failed" : "line",
      cells: [moment(stream.right_at), moment(stream.changed_at), words[stream.status](stream)],
    });
  }
  return {
    grids: rows.length ? [grid("streams", "When each stream was last right here, on your clock",
      ["Stream", "Right as of", "Last changed something", "State"], rows)] : [],
    notes: rows.length ? [] : [note("The tables do not say when they were loaded: there is no _sdc_loads beside them.")],
  };
}

/** The sections in their order. */
const SECTIONS = [
  { id: "profit-and-loss", title: "Profit and loss", build: profitAndLoss, checked: true },
  { id: "balance-sheet", title: "Balance sheet", build: balanceSheet, checked: true },
  { id: "cash", title: "Cash", build: bankAccounts, checked: true },
  { id: "receivables", title: "Receivables", checked: true,
    build: (view) => aged(view, "aged_receivables", "Owed by customers", "Customer") },
  { id: "payables", title: "Payables", checked: true,
    build: (view) => aged(view, "aged_payables", "Owed to suppliers", "Supplier") },
  { id: "tracking", title: "Revenue by tracking", build: tracking, checked: true },
  { id: "customers", title: "Customers won, kept and lost", build: customers, checked: true },
  { id: "budget", title: "Budget against actual", build: budgets, checked: true },
  { id: "freshness", title: "How fresh it is", build: freshness },
];
