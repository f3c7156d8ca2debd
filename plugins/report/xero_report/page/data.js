// What the page was made from. plugins/report/xero_report/packing.py says how tables are packed.

const GROUP = "group";
const DATA = JSON.parse(document.getElementById("data").textContent);

/** Rows of a table for one organisation and month: labels, and figures as decimal text. */
function rowsOf(name, place, month) {
  const table = DATA.tables[name];
  const packed = table.at[place]?.[month];
  if (!packed) return [];
  const [codes, ...columns] = packed.map((text) => text.split(" "));
  return codes.map((code, row) => ({
    label: table.labels[code],
    figures: columns.map((column) => column[row]),
  }));
}

/** The month some months on. */
function shifted(month, by) {
  const [year, number] = month.split("-").map(Number);
  const at = year * 12 + number - 1 + by;
  return `${String(Math.floor(at / 12)).padStart(4, "0")}-${String((at % 12) + 1).padStart(2, "0")}`;
}

/** Months up to one, the earliest first. */
const monthsTo = (month, many) =>
  Array.from({ length: many }, (_, at) => shifted(month, at - many + 1));

/** Months of the running financial year up to one. */
function yearTo(place, month) {
  const first = DATA.months[place]?.[month] ?? month;
  const months = [];
  for (let each = first; each <= month; each = shifted(each, 1)) months.push(each);
  return months;
}

/** Months that there are books of, the latest first; those of all organisations for the group. */
function monthsOf(organisation) {
  const own = organisation === GROUP ? Object.values(DATA.months) : [DATA.months[organisation] ?? {}];
  return [...new Set(own.flatMap(Object.keys))].sort().reverse();
}

const placesOf = (organisation) =>
  organisation === GROUP ? DATA.organisations.map((_, place) => String(place)) : [organisation];

/** What is shown: of whom, for which month, in which customs. */
function viewOf(organisation, month) {
  const own = DATA.organisations[organisation];
  const isGroup = organisation === GROUP;
  const currency = isGroup ? DATA.group_currency : own.currency;
  const home = own ?? DATA.organisations.find((each) => each.currency === currency);
  return {
    organisation, month, isGroup,
    name: isGroup ? "The group" : own.name,
    places: placesOf(organisation),
    ...customs(currency, home?.country),
  };
}

/** An organisation in its own customs. */
function memberOf(place) {
  const own = DATA.organisations[place];
  return { name: own.name, ...customs(own.currency, own.country) };
}
