// Maps of a grid: a day, the mean, and the share of days on which a cell has no value.

function gridsPart(data) {
  const host = byId("grids-host"), slider = byId("grid-day"), status = byId("grids-status"), state = { grid: 0, day: 0 };
  const gridOf = () => data.grids[state.grid];
  const title = () => `${gridOf().name} on ${gridOf().days[state.day]}, mean and missing share`;
  choices(byId("grid-name"), data.grids.map((grid, place) => [place, grid.name]), 0);

  /** The values of a day, or of the mean, which follows the days. */
  function field(place) {
    const { number, offset, scale } = gridOf(), [, rows, columns] = data.arrays.find((one) => one.name === `maps ${number}`).shape, size = rows * columns;
    const values = Float32Array.from(data.values[`maps ${number}`].subarray(place * size, (place + 1) * size), (value) => value * scale + offset);
    return { rows, columns, values, missing: data.values[`missing ${number}`] };
  }

  function draw(width) {
    const grid = gridOf(), units = grid.units && ` (${grid.units})`, across = width > 760 ? 3 : width > 420 ? 2 : 1, wide = Math.min(420, Math.floor((width - 12 * (across - 1)) / across));
    const [sea, gap, whole] = ["sea", "gap", "held"].map((name) => rgb(colourOf(name))), [ramp, lacks] = [grid.colours, grid.missing_colours].map((colours) => colours.map(rgb));
    const day = field(state.day), mean = field(grid.days.length), { rows, columns, missing } = day, known = (cell) => missing[cell] !== 255;
    const valued = (values) => (cell) => (Number.isFinite(values[cell]) ? shade(ramp, (values[cell] - grid.low) / (grid.high - grid.low)) : known(cell) ? gap : sea);
    const share = (cell) => (!known(cell) ? sea : missing[cell] === 0 ? whole : shade(lacks, missing[cell] / 200.01));
    const summary = `${grid.never.toLocaleString("en")} of ${grid.cells.toLocaleString("en")} cells never have a value; the others lack ${text(100 * grid.lacking)} % on average.`;
    const panels = [[grid.days[state.day], valued(day.values), day.values], ["mean", valued(mean.values), mean.values], ["missing share", share, Float32Array.from(missing, (value) => (value === 255 ? NaN : value / 2))]];
    host.replaceChildren(...panels.map(([words, colourAt, values], place) => {
      const canvas = cellCanvas({ rows, columns, colourAt, known, label: `Map of ${grid.name}: ${words}. ${place === 2 ? summary : ""}`, wide, high: Math.min(640, (wide * rows) / columns) });
      canvas.onmousemove = (event) => {
        const at = cellUnder(event, canvas, rows, columns), value = values[at.row * columns + at.column];
        status.textContent = `row ${at.row * grid.every}, column ${at.column * grid.every} of the map: ${!known(at.row * columns + at.column) ? "no land" : Number.isFinite(value) ? `${words} ${text(value)}${place === 2 ? " %" : grid.units && ` ${grid.units}`}` : "no value"}`;
      };
      canvas.onmouseleave = () => { status.textContent = summary; };
      return element("div", {}, element("p", { className: "panel", textContent: words }), canvas);
    }));
    byId("grid-date").textContent = grid.days[state.day];
    slider.setAttribute("aria-valuetext", grid.days[state.day]);
    byId("grids-legend").replaceChildren(legend(grid.colours, grid.low, grid.high, grid.name + units), legend(grid.missing_colours, 0, 100, "missing share (%)"),
      element("p", { className: "key" }, keyOf({ label: "no value", colour: colourOf("gap"), band: true }), keyOf({ label: "nothing is missing", colour: colourOf("held"), band: true })));
    status.textContent = summary;
    refresh();
  }

  const rows = () => gridOf().days.map((day, place) => {
    const { values, missing } = field(place), held = values.filter(Number.isFinite), land = missing.reduce((sum, one) => sum + (one !== 255), 0);
    return [day, held.reduce((sum, value) => sum + value, 0) / held.length, held.length ? held.reduce((most, value) => Math.max(most, value), -Infinity) : NaN, 100 * (1 - held.length / land)];
  });
  const refresh = underneath(host, byId("grids-note"), title, rows, () => ["day", "mean", "maximum", "cells without a value, %"]);
  const again = figure(host, draw);
  const choose = () => {
    const { days, every } = gridOf();
    slider.max = days.length - 1;
    slider.value = state.day = Math.min(state.day, days.length - 1);
    byId("grids-kept").textContent = `The page holds ${days.length} days, evenly spread${every > 1 ? `, and every ${every}th row and column` : ""}; values are rounded to about 1 % of their range.`;
    again();
  };
  byId("grid-name").onchange = (event) => { state.grid = Number(event.target.value); choose(); };
  slider.addEventListener("input", () => { state.day = Number(slider.value); again(); });
  choose();
}
