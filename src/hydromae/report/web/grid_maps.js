// Maps of one day of a grid: observed, what the model saw, reconstructed, and the error at what was hidden.

const GRID_PANELS = ["observed", "what the model saw", "reconstructed", "error at hidden cells"];

const rgb = (hex) => [1, 3, 5].map((from) => parseInt(hex.slice(from, from + 2), 16));

function paint({ grid, day, rows, columns, observed, filled, hidden }, panel, wide) {
  const ratio = devicePixelRatio || 1, small = element("canvas", { width: columns, height: rows });
  const picture = small.getContext("2d").createImageData(columns, rows);
  const [sea, dark, land] = ["sea", "hidden", "land"].map((name) => rgb(colourOf(name)));
  const colours = (panel === 3 ? grid.diverging : grid.colours).map(rgb);
  for (let cell = 0; cell < rows * columns; cell++) {
    const known = Number.isFinite(observed[cell]);
    let value = hidden[cell] && panel >= 2 ? filled[cell] : observed[cell], colour = null;
    if (panel === 1 && hidden[cell]) colour = dark;
    if (panel === 3) {
      value = hidden[cell] ? filled[cell] - observed[cell] : NaN;
      if (!Number.isFinite(value)) colour = known ? land : sea;
    } else if (!Number.isFinite(value)) colour ??= hidden[cell] ? dark : sea;
    const share = panel === 3 ? 0.5 + value / (2 * grid.error) : (value - grid.low) / (grid.high - grid.low);
    picture.data.set([...(colour ?? shade(colours, share)), 255], cell * 4);
  }
  small.getContext("2d").putImageData(picture, 0, 0);
  const high = (wide * rows) / columns, canvas = element("canvas", { width: wide * ratio, height: high * ratio, role: "img" });
  canvas.setAttribute("aria-label", `Map of ${grid.label}, ${GRID_PANELS[panel]}, ${day}`);
  Object.assign(canvas.style, { width: `${wide}px`, height: `${high}px` });
  const brush = canvas.getContext("2d");
  brush.imageSmoothingEnabled = false;
  brush.drawImage(small, 0, 0, canvas.width, canvas.height);
  coast(brush, observed, hidden, rows, columns, canvas.width / columns, canvas.height / rows);
  return canvas;
}

/** A line between cells with and without a value. */
function coast(brush, observed, hidden, rows, columns, cell, tall) {
  const known = (place) => Number.isFinite(observed[place]) || hidden[place] === 1;
  brush.beginPath();
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const place = row * columns + column;
      if (column + 1 < columns && known(place) !== known(place + 1)) { brush.moveTo((column + 1) * cell, row * tall); brush.lineTo((column + 1) * cell, (row + 1) * tall); }
      if (row + 1 < rows && known(place) !== known(place + columns)) { brush.moveTo(column * cell, (row + 1) * tall); brush.lineTo((column + 1) * cell, (row + 1) * tall); }
    }
  }
  brush.strokeStyle = colourOf("text");
  brush.lineWidth = 0.7 * (devicePixelRatio || 1);
  brush.stroke();
}

function legend(colours, low, high, words) {
  const [wide, step] = [260, 260 / colours.length];
  const label = (x, anchor, content) => drawn("text", { x, y: 26, "text-anchor": anchor, fill: colourOf("text"), "font-size": 12 }, content);
  return drawn("svg", { viewBox: `0 0 ${wide} 30`, role: "img", class: "legend", "aria-label": `Colours of ${words}, from ${text(low)} to ${text(high)}` },
    ...colours.map((fill, place) => drawn("rect", { x: place * step, width: step + 0.5, height: 10, fill })), label(0, "start", text(low)), label(wide / 2, "middle", words.slice(0, 34)), label(wide, "end", text(high)));
}

/** What there is at the cell under the pointer: its row and column, and words. */
function cellAt(event, canvas, { grid, rows, columns, observed, filled, hidden }) {
  const column = Math.min(columns - 1, Math.max(0, Math.floor((event.offsetX / canvas.clientWidth) * columns))), row = Math.min(rows - 1, Math.max(0, Math.floor((event.offsetY / canvas.clientHeight) * rows)));
  const cell = row * columns + column, at = grid.x && grid.y ? `x ${text(grid.x[column])}, y ${text(grid.y[row])}` : `row ${row}, column ${column}`;
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
