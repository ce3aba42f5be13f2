// Small things that every part uses.

const byId = (id) => document.getElementById(id);

/** An element with properties and children; `data` and `aria` are given as attributes. */
function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [key, value] of Object.entries(properties)) {
    if (key.includes("-") || key === "role" || key === "scope" || key === "for") made.setAttribute(key, value);
    else made[key] = value;
  }
  made.append(...children);
  return made;
}

/** An element of a drawing. */
function drawn(tag, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** Three digits, a true minus sign; a dash where there is no value. */
function text(value, digits = 3) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  const short = size >= 1000 ? Math.round(value).toLocaleString("en") : size < 1 ? value.toFixed(2) : value.toPrecision(digits);
  return (size > 0 && size < 0.005 ? value.toExponential(1) : short).replace("-", "\u2212");
}

/** A score in two decimals, or a value that has a unit. */
const scoreText = (value, units) => (units || !Number.isFinite(value) ? text(value) : value.toFixed(2).replace(/^-(?=0\.00$)/, "").replace("-", "\u2212"));

/** A day, counted from 1970, as it is written. */
const dayText = (day) => new Date(day * 864e5).toISOString().slice(0, 10);

/** The colour of this name in the page's style, as light or dark has it. */
const colourOf = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

/** A table of words, numbers and elements. */
function table(heads, rows, caption) {
  const head = element("tr", {}, ...heads.map((word) => element("th", { scope: "col", textContent: word })));
  const body = rows.map(([first, ...rest]) =>
    element("tr", {}, element("th", { scope: "row" }, first), ...rest.map((cell) => element("td", {}, cell))),
  );
  const made = element("table", {}, element("caption", { textContent: caption }), element("thead", {}, head), element("tbody", {}, ...body));
  return element("div", { className: "wide", tabIndex: 0, role: "group", "aria-label": caption }, made);
}

/** Fill a list of choices; each is [value, words]. */
function choices(select, options, chosen) {
  select.replaceChildren(...options.map(([value, words]) => element("option", { value, textContent: words, selected: value === chosen })));
}

// Every figure is drawn again when its width, the colours or the paper change.
const figures = [];
let printing = false;

/** Draw now and whenever it is needed; `draw` gets the width in pixels. */
function figure(host, draw) {
  const again = () => {
    if (host.offsetParent !== null || printing) draw(printing ? Math.min(640, host.clientWidth || 640) : host.clientWidth);
  };
  figures.push(again);
  new ResizeObserver(() => { if (host.clientWidth !== again.width) { again.width = host.clientWidth; again(); } }).observe(host);
  return again;
}

const drawAll = () => figures.forEach((again) => again());
