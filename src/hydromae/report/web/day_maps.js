// Grids day by day: observed, what the model saw, reconstructed, and the error at what was hidden.

function dayMaps(data) {
  const host = byId("grids-host"), slider = byId("grid-day"), status = byId("grids-status");
  const state = { grid: 0, day: 0 };
  const gridOf = () => data.grids[state.grid];
  const PANELS = ["observed", "what the model saw", "reconstructed", "error at hidden cells"];
  choices(byId("grid-name"), data.grids.map((grid, place) => [place, grid.label]), 0);

  const rgb = (hex) => [1, 3, 5].map((from) => parseInt(hex.slice(from, from + 2), 16));
  function fields() {
    const grid = gridOf(), array = data.arrays.find((one) => one.name === `${grid.name} observed`);
    const [, rows, columns] = array.shape, size = rows * columns, from = state.day * size;
    const part = (name) => data.values[`${grid.name} ${name}`].subarray(from, from + size);
    const back = (values) => Float32Array.from(values, (value) => value * grid.scale + grid.offset);
    return { grid, rows, columns, observed: back(part("observed")), filled: back(part("reconstructed")), hidden: part("hidden") };
  }

  function paint({ grid, rows, columns, observed, filled, hidden }, panel, wide) {
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
    canvas.setAttribute("aria-label", `Map of ${grid.label}, ${PANELS[panel]}, ${grid.days[state.day]}`);
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

  const numbers = (made, day) => {
    let [cells, count, squares, sum] = [0, 0, 0, 0];
    for (let cell = 0; cell < made.observed.length; cell++) {
      cells += Number.isFinite(made.observed[cell]);
      const error = made.hidden[cell] ? made.filled[cell] - made.observed[cell] : NaN;
      if (Number.isFinite(error)) { count++; squares += error * error; sum += error; }
    }
    return [made.grid.days[day], (100 * count) / Math.max(1, cells), Math.sqrt(squares / count), sum / count];
  };

  const title = () => `${gridOf().label} on ${gridOf().days[state.day]}`;
  const draw = (width) => {
    const made = fields(), unit = made.grid.units && ` ${made.grid.units}`;
    const across = width > 640 ? 4 : 2, wide = Math.min(420, Math.floor((width - 12 * (across - 1)) / across));
    host.replaceChildren(...PANELS.map((words, panel) => {
      const canvas = paint(made, panel, wide);
      canvas.onmousemove = (event) => read(event, canvas, made);
      canvas.onclick = canvas.onmousemove;
      canvas.onmouseleave = () => { status.textContent = said; };
      return element("div", {}, element("p", { className: "panel", textContent: words }), canvas);
    }));
    const [day, share, error, bias] = numbers(made, state.day);
    const said = `${day}: ${text(share)} % of the cells were hidden; root mean square error there ${text(error)}${unit}, mean error ${text(bias)}${unit}.`;
    status.textContent = said;
    byId("grids-legend").replaceChildren(legend(made.grid.colours, made.grid.low, made.grid.high, `${made.grid.label}${made.grid.units && ` (${made.grid.units})`}`),
      legend(made.grid.diverging, -made.grid.error, made.grid.error, `error${made.grid.units && ` (${made.grid.units})`}`));
    byId("grid-date").textContent = day;
    slider.setAttribute("aria-valuetext", day);
    refresh();
  };

  function read(event, canvas, { grid, rows, columns, observed, filled, hidden }) {
    const column = Math.min(columns - 1, Math.floor((event.offsetX / canvas.clientWidth) * columns)), row = Math.min(rows - 1, Math.floor((event.offsetY / canvas.clientHeight) * rows));
    const cell = row * columns + column, at = grid.x && grid.y ? `x ${text(grid.x[column])}, y ${text(grid.y[row])}` : `row ${row}, column ${column}`;
    status.textContent = Number.isFinite(observed[cell])
      ? `${at}: observed ${text(observed[cell])}${hidden[cell] ? `, hidden from the model, reconstructed ${text(filled[cell])}` : ", visible to the model"}`
      : `${at}: no value`;
  }

  const refresh = underneath(host, byId("grids-note"), title,
    () => { const kept = state.day; const rows = gridOf().days.map((_, day) => { state.day = day; return numbers(fields(), day); }); state.day = kept; return rows; },
    () => ["day", "cells hidden, %", "root mean square error", "mean error"]);
  const again = figure(host, draw);
  const choose = () => {
    slider.max = gridOf().days.length - 1;
    slider.value = state.day = Math.min(state.day, gridOf().days.length - 1);
    byId("grids-kept").textContent = gridOf().days.length < gridOf().all_days ? `The page holds ${gridOf().days.length} of ${gridOf().all_days} days, evenly spread; values are rounded to about 1 % of their range.` : "";
    again();
  };
  byId("grid-name").onchange = (event) => { state.grid = Number(event.target.value); choose(); };
  slider.addEventListener("input", () => { state.day = Number(slider.value); again(); });
  choose();
}
