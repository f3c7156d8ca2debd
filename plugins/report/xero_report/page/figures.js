// Figures are decimal text. They are added as whole numbers of ten-thousandths, which is the marts'
// scale, and written in the customs of a country from text: no digit goes through a float.

const SCALE = 4;
const NOTHING = "–";

/** Ten-thousandths of a decimal text; none of an empty one. */
function units(text) {
  if (!text) return 0n;
  const [, sign, whole, fraction = ""] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text);
  return BigInt(sign + whole + fraction.padEnd(SCALE, "0"));
}

/** The decimal text of ten-thousandths. */
function decimal(amount) {
  const digits = String(amount < 0n ? -amount : amount).padStart(SCALE + 1, "0");
  const fraction = digits.slice(-SCALE).replace(/0+$/, "");
  return (amount < 0n ? "-" : "") + digits.slice(0, -SCALE) + (fraction && "." + fraction);
}

const total = (amounts) => amounts.reduce((sum, each) => sum + each, 0n);

/** For the length of a mark in a chart, and nothing else. */
const approximate = (amount) => Number(amount) / 10 ** SCALE;

/** How figures are written in a currency and a country. */
function customs(currency, country) {
  const locale = localeOf(country);
  const digits = fractionDigits(currency);
  const exact = { minimumFractionDigits: digits, maximumFractionDigits: Math.max(digits, SCALE) };
  const plain = new Intl.NumberFormat(locale, exact);
  const named = new Intl.NumberFormat(locale, { ...exact, style: "currency", currency });
  const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
  const percent = new Intl.NumberFormat(locale, {
    style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 2,
  });
  const cell = (text, format) => ({
    text: text === "" || text === undefined ? NOTHING : format.format(text),
    negative: String(text).startsWith("-"),
  });
  return {
    locale,
    currency,
    /** A cell with an amount; nothing of zero. */
    amount: (amount) => cell(amount ? decimal(amount) : "", plain),
    /** The same in words, with the currency. */
    words: (amount) => named.format(decimal(amount)),
    count: (text) => cell(text === "0" ? "" : text, whole),
    share: (text) => cell(text, percent),
    shortMonth: (month) => date(locale, month, { month: "short", year: "numeric" }),
    day: (day) => date(locale, day, { day: "numeric", month: "short", year: "numeric" }),
    monthEnd: (month) => date(locale, lastDay(month), { day: "numeric", month: "short", year: "numeric" }),
  };
}

function localeOf(country) {
  try {
    return Intl.getCanonicalLocales(`en-${country || "GB"}`)[0];
  } catch {
    return "en-GB";
  }
}

function fractionDigits(currency) {
  const format = new Intl.NumberFormat("en", { style: "currency", currency });
  return format.resolvedOptions().maximumFractionDigits;
}

/** A day or month as its own calendar has it, whatever the time zone of the reader. */
function date(locale, day, style) {
  const [year, month, of = 1] = day.split("-").map(Number);
  return new Intl.DateTimeFormat(locale, { ...style, timeZone: "UTC" }).format(
    Date.UTC(year, month - 1, of));
}

function lastDay(month) {
  const [year, number] = month.split("-").map(Number);
  return `${month}-${new Date(Date.UTC(year, number, 0)).getUTCDate()}`;
}

/** An instant as the reader's clock has it. */
const instant = (moment) => new Intl.DateTimeFormat(undefined, {
  dateStyle: "medium", timeStyle: "short",
}).format(new Date(moment));

/** How long ago an instant is, in words. */
function ago(moment) {
  const minutes = Math.round((Date.now() - new Date(moment)) / 60000);
  const relative = new Intl.RelativeTimeFormat("en", { numeric: "always" });
  if (Math.abs(minutes) < 60) return minutes < 1 ? "just now" : relative.format(-minutes, "minute");
  if (minutes < 48 * 60) return relative.format(-Math.round(minutes / 60), "hour");
  return relative.format(-Math.round(minutes / 1440), "day");
}
