// Charts: Vega-Lite specifications with rows put in, drawn as SVG.

const CHARTS = JSON.parse(document.getElementById("charts").textContent);

// `ast`: expressions are interpreted, since the page's policy lets no text become a program.
const DRAWING = { renderer: "svg", actions: false, ast: true, defaultStyle: false };

let waiting = [];
let drawn = [];

function chart({ name, label, rows }) {
  const place = element("div", { class: "drawing" });
  waiting.push({ name, rows, place });
  return element("figure", { role: "img", "aria-label": label, "data-chart": name },
    element("figcaption", {}, label), place);
}

/** A step for each bar, where the specification has it so: Vega-Lite itself does so with a warning. */
const heightOf = ({ height }, rows) => height.step ? height.step * rows.length : height;

/** Draw what has been put on the page since the last time; the drawings of before go. */
async function draw() {
  drawn.forEach((each) => each.finalize());
  drawn = [];
  const now = waiting;
  waiting = [];
  const made = await Promise.all(now.map(({ name, rows, place }) =>
    vegaEmbed(place, { ...CHARTS[name], height: heightOf(CHARTS[name], rows), datasets: { rows } }, DRAWING)));
  drawn.push(...made);
}
