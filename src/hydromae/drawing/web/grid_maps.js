// Maps of one day of a grid: observed, what the model saw, reconstructed, and the error at what was hidden.

const GRID_PANELS = ["observed", "what the model saw", "reconstructed", "error at hidden cells"];

function paint({ grid, day, rows, columns, observed, filled, hidden }, panel, wide) {
  const [sea, dark, land] = ["sea", "hidden", "land"].map((name) => rgb(colourOf(name)));
  const colours = (panel === 3 ? grid.diverging : grid.colours).map(rgb);
  const colourAt = (cell) => {
    const known = Number.isFinite(observed[cell]);
    let value = hidden[cell] && panel >= 2 ? filled[cell] : observed[cell], colour = null;
    if (panel === 1 && hidden[cell]) colour = dark;
    if (panel === 3) {
      value = hidden[cell] ? filled[cell] - observed[cell] : NaN;
      if (!Number.isFinite(value)) colour = known ? land : sea;
    } else if (!Number.isFinite(value)) colour ??= hidden[cell] ? dark : sea;
    const share = panel === 3 ? 0.5 + value / (2 * grid.error) : (value - grid.low) / (grid.high - grid.low);
    return colour ?? shade(colours, share);
  };
  const known = (cell) => Number.isFinite(observed[cell]) || hidden[cell] === 1;
  return cellCanvas({ rows, columns, colourAt, known, label: `Map of ${grid.label}, ${GRID_PANELS[panel]}, ${day}`, wide });
}

/** What there is at the cell under the pointer: its row and column, and words. */
function cellAt(event, canvas, { grid, rows, columns, observed, filled, hidden }) {
  const { row, column } = cellUnder(event, canvas, rows, columns), cell = row * columns + column;
  const at = grid.x && grid.y ? `x ${text(grid.x[column])}, y ${text(grid.y[row])}` : `row ${row}, column ${column}`;
  const rest = hidden[cell] ? `, hidden from the model${Number.isFinite(filled[cell]) ? `, reconstructed ${text(filled[cell])}` : ""}` : ", visible to the model";
  return { row, column, words: `${at}: ${Number.isFinite(observed[cell]) ? `observed ${text(observed[cell])}${rest}` : "no value"}` };
}

/** Share of the cells that are hidden in percent, root mean square error and mean error there. */
function gridNumbers({ observed, filled, hidden }) {
  let [cells, covered, count, squares, sum] = [0, 0, 0, 0, 0];
  for (let cell = 0; cell < observed.length; cell++) {
    if (!Number.isFinite(observed[cell])) continue;
    cells++;
    if (!hidden[cell]) continue;
    covered++;
    const error = filled[cell] - observed[cell];
    if (Number.isFinite(error)) { count++; squares += error * error; sum += error; }
  }
  return [(100 * covered) / Math.max(1, cells), Math.sqrt(squares / count), sum / count];
}

/**
 * Draw the panels of one day beside each other with what is read at the pointer, the error in words, and the colours.
 *
 * made: { grid, day, rows, columns, observed, filled, hidden }; panels: places in GRID_PANELS; choose: called with the cell of a click.
 */
function gridFigure({ host, legend: legendHost, status }, made, panels, width, choose) {
  const { grid } = made, unit = grid.units && ` ${grid.units}`;
  const across = width > 640 ? Math.max(2, panels.length) : 2, wide = Math.min(420, Math.floor((width - 12 * (across - 1)) / across));
  const [share, error, bias] = gridNumbers(made);
  const errors = Number.isFinite(error) ? `; root mean square error there ${text(error)}${unit}, mean error ${text(bias)}${unit}` : "";
  const said = String(panels) === "0" ? `${made.day}: as it was observed.` : `${made.day}: ${text(share)} % of the cells were hidden${errors}.`;
  host.replaceChildren(...panels.map((panel) => {
    const canvas = paint(made, panel, wide);
    canvas.onmousemove = (event) => { status.textContent = cellAt(event, canvas, made).words; };
    canvas.onclick = (event) => { canvas.onmousemove(event); choose?.(cellAt(event, canvas, made)); };
    canvas.onmouseleave = () => { status.textContent = said; };
    return element("div", {}, element("p", { className: "panel", textContent: GRID_PANELS[panel] }), canvas);
  }));
  status.textContent = said;
  legendHost.replaceChildren(legend(grid.colours, grid.low, grid.high, `${grid.label}${grid.units && ` (${grid.units})`}`),
    ...(panels.includes(3) ? [legend(grid.diverging, -grid.error, grid.error, `error${grid.units && ` (${grid.units})`}`)] : []));
}
