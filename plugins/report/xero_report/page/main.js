// The page: what is chosen, the verdict on it, and its sections.

// Signs that the fonts of every system have.
const STATES = {
  differs: { sign: "≠", words: "Differs from Xero", bad: true },
  changed_after_close: { sign: "≠", words: "A closed period has changed", bad: true },
  incomplete: { sign: "!", words: "Not all could be checked against Xero", doubtful: true },
  never: { sign: "?", words: "Never reconciled with Xero", doubtful: true },
  agrees: { sign: "=", words: "Agrees with Xero" },
};
const WORST = Object.keys(STATES);
const by = (id) => document.getElementById(id);
const options = {};

const worst = (verdicts) => WORST.find((state) => verdicts.some((each) => each.state === state)) ?? "never";
const verdictsOf = (view) => view.isGroup
  ? [...DATA.organisations.map((own) => ({ name: own.name, ...own.verdict })), ...DATA.others.map((own) => ({ name: own.name, ...own.verdict }))]
  : [{ name: view.name, ...DATA.organisations[view.organisation].verdict }];

const plural = (many, what) => `${many.toLocaleString("en")} ${what}${many === 1 ? "" : "s"}`;

function countWords(counts) {
  const words = {
    differs: "differ", changed_after_close: "changed after close", not_checkable: "could not be checked",
    explained: "are explained", agrees: "agree",
  };
  return Object.entries(words).filter(([status]) => counts[status])
    .map(([status, verb]) => `${counts[status].toLocaleString("en")} ${verb}`).join(", ");
}

const whenChecked = (verdict) => verdict.checked_at
  ? `${instant(verdict.checked_at)} (${ago(verdict.checked_at)})` : "never";

function banner(view) {
  const verdicts = verdictsOf(view);
  const state = worst(verdicts);
  const { sign, words, bad, doubtful } = STATES[state];
  const checked = verdicts.map((each) => each.checked_at).filter(Boolean).sort()[0];
  const counts = {};
  for (const each of verdicts) {
    for (const [status, many] of Object.entries(each.counts)) counts[status] = (counts[status] ?? 0) + many;
  }
  const kind = bad ? "bad" : doubtful ? "doubtful" : "good";
  const details = [];
  if (view.isGroup) {
    details.push(grid("verdicts", "Each organisation's last reconciliation",
      ["Organisation", "State", "Figures", "Checked"],
      verdicts.map((each) => ({
        name: each.name,
        kind: STATES[each.state].bad ? "line failed" : "line",
        cells: [`${STATES[each.state].sign} ${STATES[each.state].words}`, countWords(each.counts) || NOTHING, whenChecked(each)],
      }))));
  }
  for (const each of verdicts) {
    if (each.findings.length) details.push(findings(view, each));
    if (each.gaps.length) {
      details.push(element("div", { class: "gaps" },
        element("h3", {}, `Not checked${view.isGroup ? `: ${each.name}` : ""}`),
        element("ul", {}, each.gaps.map((gap) => element("li", {}, `${gap.reason} (${gap.checks.join(", ")})`)))));
    }
  }
  if (state === "never") details.push(note("Nobody has compared these figures with Xero's own. “meltano run reconcile” does, and says what differs."));
  return element("section", { id: "reconciliation", class: `banner ${kind}`, role: bad ? "alert" : undefined, "data-state": state, tabindex: "-1" },
    element("h1", {}, element("span", { class: "sign", "aria-hidden": "true" }, sign), ` ${words}`),
    element("p", {},
      element("strong", {}, view.name),
      checked ? `: of the figures ${countWords(counts)}. Checked ${instant(checked)}, ${ago(checked)}.` : ": no figure was ever checked."),
    loadsSince(checked),
    details);
}

/** What was loaded after the comparison began, which reads Xero first: its own load is among it. */
function loadsSince(checked) {
  const changed = new Map(DATA.streams.filter((stream) => checked && stream.changed_at > checked)
    .map((stream) => [stream.stream, stream.changed_at]));
  if (!changed.size) return null;
  const last = [...changed.values()].sort().at(-1);
  return element("p", {}, `Since that run began ${plural(changed.size, "stream")} brought changes, the last ${instant(last)}; what came after the run has not been compared.`);
}

function findings(view, verdict) {
  const shown = verdict.findings.slice(0, 40);
  const place = DATA.organisations.findIndex((own) => own.name === verdict.name);
  const member = place >= 0 ? memberOf(String(place)) : view;
  const table = grid("findings", `What differs${view.isGroup ? `: ${verdict.name}` : ""}`,
    ["Figure", "Since", "In the tables", "In Xero", "Difference", "Look at"],
    shown.map((each) => ({
      name: `${each.subject}: ${each.check}${each.basis === "cash" ? ", cash basis" : ""}${each.locked ? " (closed period)" : ""}`,
      cells: [
        each.since ? member.day(each.since) + (each.until !== each.since ? ` to ${member.day(each.until)}` : "") : "now",
        ...[each.lakehouse, each.xero, each.difference].map((figure) => member.amount(units(figure))),
        [each.documents, each.explanation].filter(Boolean).join("; ") || NOTHING,
      ],
    })));
  const more = verdict.findings.length - shown.length;
  return element("div", {}, table, more > 0 ? note(`… and ${more} more, in xero_reconciliation.`) : null);
}

function headlines(view) {
  const at = (month) => {
    const sections = (table) => sectionsOf(view, table, [{ figure: 0, months: () => [month] }]).sections;
    const profit = sections("profit_and_loss");
    const balance = sections("balance_sheet");
    const sum = (chosen) => total(balance.filter(chosen).map((each) => each.sums[0]));
    return [
      ["Income", result(profit, 0, [1, 3])],
      ["Net profit", result(profit, 0)],
      ["Cash at bank", sum((each) => each.section === "Bank")],
      ["Net assets", sum((each) => each.side === "ASSET") - sum((each) => each.side === "LIABILITY")],
    ];
  };
  const before = at(shifted(view.month, -1));
  return element("dl", { class: "headlines", "data-headlines": true }, at(view.month).map(([name, amount], place) =>
    element("div", {}, element("dt", {}, name),
      element("dd", { class: amount < 0n ? "negative" : undefined }, view.words(amount)),
      element("dd", { class: "before" }, `${view.words(before[place][1])} the month before`))));
}

function section(view, { id, title, build, checked }) {
  const { charts = [], grids, notes = [], choice } = build(view, options);
  const state = worst(verdictsOf(view));
  const shown = element("section", { id, "aria-labelledby": `${id}-title` },
    element("h2", { id: `${id}-title` }, title, element("span", { class: "on-paper" }, `: ${view.name}, ${view.shortMonth(view.month)}`)),
    checked && STATES[state].bad
      ? element("p", { class: "warning" }, `≠ ${STATES[state].words}: read this with `, element("a", { href: "#reconciliation" }, "what differs"), ".")
      : null,
    choice ? select(choice) : null,
    element("div", { class: charts.length ? "beside" : undefined }, charts.map(chart), element("div", {}, grids)),
    notes);
  return shown;
}

function select({ name, label, values, chosen }) {
  const made = element("select", { id: name }, values.map((value) =>
    element("option", { value, selected: value === chosen }, value)));
  made.addEventListener("change", () => {
    options[name] = made.value;
    show();
    by(name)?.focus();
  });
  return element("p", { class: "choice" }, element("label", {}, `${label} `, made));
}

function fill(id, entries, chosen) {
  by(id).replaceChildren(...entries.map(([value, text]) => element("option", { value, selected: value === chosen }, text)));
}

/** The month that is over; the running one where there is no other. */
function lastFullMonth(months) {
  const made = DATA.made_at.slice(0, 7);
  return months.find((month) => month < made) ?? months[0];
}

function chosen() {
  const asked = new URLSearchParams(location.hash.slice(1));
  const known = [...DATA.organisations.keys()].map(String);
  const several = known.length > 1;
  const organisation = [...known, ...(several ? [GROUP] : [])].includes(asked.get("organisation"))
    ? asked.get("organisation") : several ? GROUP : "0";
  const months = monthsOf(organisation);
  const month = months.includes(asked.get("month")) ? asked.get("month") : lastFullMonth(months);
  return { organisation, month, months };
}

function choose(organisation, month) {
  history.replaceState(null, "", `#organisation=${organisation}&month=${month}`);
  show();
}

function show() {
  if (!DATA.organisations.length) {
    by("main").replaceChildren(element("p", { class: "warning" }, "There are no organisations in the marts."));
    return;
  }
  const { organisation, month, months } = chosen();
  const view = viewOf(organisation, month);
  const several = DATA.organisations.length > 1;
  fill("organisation", [...(several ? [[GROUP, "The group"]] : []), ...DATA.organisations.map((own, place) => [String(place), own.name])], organisation);
  const made = DATA.made_at.slice(0, 7);
  fill("month", months.map((each) => [each, view.shortMonth(each) + (each === made ? " (running)" : "")]), month);
  by("later").disabled = !months.includes(shifted(month, 1));
  by("earlier").disabled = !months.includes(shifted(month, -1));
  const state = STATES[worst(verdictsOf(view))];
  by("badge").textContent = `${state.sign} ${state.words}`;
  by("badge").className = state.bad ? "bad" : state.doubtful ? "doubtful" : "good";
  document.title = `${state.bad ? `${state.sign} ${state.words} – ` : ""}${view.name}, ${view.shortMonth(month)}`;
  document.documentElement.dataset.state = worst(verdictsOf(view));
  by("main").replaceChildren(
    banner(view),
    element("h1", { class: "whose" }, `${view.name}, ${view.monthEnd(month)}, ${view.currency}`),
    headlines(view),
    ...SECTIONS.map((each) => section(view, each)));
  document.documentElement.dataset.shown = `${organisation} ${month}`;
  draw().then(() => { document.documentElement.dataset.drawn = `${organisation} ${month}`; });
}

function start() {
  by("contents").append(...SECTIONS.map(({ id, title }) => {
    const link = element("a", { href: `#${id}` }, title);
    link.addEventListener("click", (event) => {
      // The address keeps what is chosen; so the section is shown without it.
      event.preventDefault();
      by(id).scrollIntoView();
      by(id).setAttribute("tabindex", "-1");
      by(id).focus({ preventScroll: true });
    });
    return link;
  }));
  by("footer").textContent = `Made ${instant(DATA.made_at)} from the marts. Accrual basis. Statements of the group are in ${DATA.group_currency ?? "one currency"}; nothing is eliminated between organisations.`;
  by("organisation").addEventListener("change", (event) => choose(event.target.value, by("month").value));
  by("month").addEventListener("change", (event) => choose(by("organisation").value, event.target.value));
  by("earlier").addEventListener("click", () => choose(by("organisation").value, shifted(by("month").value, -1)));
  by("later").addEventListener("click", () => choose(by("organisation").value, shifted(by("month").value, 1)));
  by("controls").addEventListener("submit", (event) => event.preventDefault());
  addEventListener("hashchange", () => { if (location.hash.includes("month=")) show(); });
  show();
}

start();
// When everything could be used for the first time, in milliseconds.
document.documentElement.dataset.ready = performance.now();
