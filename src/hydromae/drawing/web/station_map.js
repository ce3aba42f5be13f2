// The stations on a map, coloured by a score, with the histogram of that score.

/** Draw the map and answer clicks; `state` is shared by all parts, `changed` is called with what the reader chose. */
function stationMap(data, state, changed) {
  const host = byId("map-host"), status = byId("map-status"), histogramHost = byId("histogram-host");
  const regimeOf = () => data.regimes.find((regime) => regime.key === state.regime);
  const scoreOf = () => regimeOf().scores[state.score] ?? regimeOf().scores[0];
  const count = data.stations.length;
  const valuesOf = () => {
    const place = Math.max(0, regimeOf().scores.indexOf(scoreOf()));
    return data.values[`score ${state.regime} ${place}`]?.subarray(state.lead * count, (state.lead + 1) * count) ?? new Float32Array(count).fill(NaN);
  };
  // Without forecasts there are neither lead times nor kinds of weather.
  const when = () => (data.leads.length ? ` at lead ${data.leads[state.lead]}, ${regimeOf().words}` : "");
  const title = () => scoreOf().words + when();
  const nameOf = (station) => [data.stations[station], data.names[station]].filter(Boolean).join(", ");
  let dots = [];

  const draw = (width) => {
    const values = valuesOf(), scale = scaleOf(values, scoreOf().best);
    if (data.places) drawMap(width, values, scale);
    drawHistogram(values, scale);
  };

  function drawMap(width, values, scale) {
    const { x, y, extent, outline } = data.places, [west, east, south, north] = extent;
    const shape = Math.min(3, Math.max(0.4, (north - south) / (east - west)));
    const wide = Math.min(width, 640 / shape), high = wide * shape, ratio = devicePixelRatio || 1;
    const canvas = element("canvas", { width: wide * ratio, height: high * ratio, role: "img" });
    canvas.setAttribute("aria-label", `Map of stations coloured by ${title()}. ${summary(values)}`);
    Object.assign(canvas.style, { width: `${wide}px`, height: `${high}px` });
    const brush = canvas.getContext("2d");
    brush.scale(ratio, ratio);
    const land = data.arrays.find((array) => array.name === "land");
    const placed = (east_, north_) => [((east_ - west) / (east - west)) * wide, ((north - north_) / (north - south)) * high];
    if (land) drawLand(brush, data.values.land, land.shape, wide, high);
    else drawOutline(brush, outline.map((ring) => ring.flatMap((_, at) => (at % 2 ? [] : [placed(ring[at], ring[at + 1])]))), wide, high);
    dots = x.map((east_, station) => (east_ === null || y[station] === null ? null : placed(east_, y[station])));
    const size = Math.max(2.5, Math.min(6, wide / Math.sqrt(count) / 4));
    const order = [...dots.keys()].filter((station) => dots[station]).sort((one, other) => (one === state.station) - (other === state.station));
    for (const station of order) {
      const value = values[station];
      brush.beginPath();
      brush.arc(...dots[station], station === state.station ? size + 3 : size, 0, 7);
      brush.fillStyle = Number.isFinite(value) ? shade(scale.colours, (value - scale.low) / (scale.high - scale.low)) : "transparent";
      brush.fill();
      brush.lineWidth = station === state.station ? 3 : 0.7;
      brush.strokeStyle = station === state.station ? colourOf("mark") : colourOf("soft");
      brush.stroke();
    }
    const nearest = (event) => {
      const [left, top] = [event.offsetX, event.offsetY];
      const off = dots.map((dot) => (dot ? Math.hypot(dot[0] - left, dot[1] - top) : Infinity));
      const best = off.reduce((least, value, place) => (value < off[least] ? place : least), 0);
      return off[best] < 20 ? best : null;
    };
    canvas.onclick = (event) => nearest(event) !== null && changed({ station: nearest(event) });
    canvas.onmousemove = (event) => {
      const station = nearest(event);
      canvas.style.cursor = station === null ? "default" : "pointer";
      status.textContent = station === null ? summary(values) : `${nameOf(station)}: ${text(valuesOf()[station])}`;
    };
    host.replaceChildren(canvas);
    status.textContent = summary(values);
  }

  function summary(values) {
    const known = [...values].filter(Number.isFinite).sort((one, other) => one - other);
    if (!known.length) return "No station has this score.";
    const at = (share) => {
      const place = share * (known.length - 1), below = Math.floor(place);
      return text(known[below] + (place - below) * ((known[below + 1] ?? known[below]) - known[below])); // as the tables have them
    };
    return `${known.length} of ${count} stations have it: median ${at(0.5)}, quartiles ${at(0.25)} and ${at(0.75)}, from ${at(0)} to ${at(1)}.`;
  }

  function drawHistogram(values, { low, high, colours }) {
    const bins = 20, counts = new Array(bins).fill(0);
    for (const value of values) if (Number.isFinite(value)) counts[Math.min(bins - 1, Math.max(0, Math.floor(((value - low) / (high - low)) * bins)))]++;
    const most = Math.max(1, ...counts), [wide, tall] = [400, 130], step = wide / bins;
    const bars = counts.map((number, bin) => drawn("rect", {
      x: bin * step + 0.5, width: step - 1, y: 14 + (tall - 14) * (1 - number / most), height: ((tall - 14) * number) / most,
      fill: shade(colours, (bin + 0.5) / bins), stroke: colourOf("soft"), "stroke-width": 0.5,
    }));
    const words = (x, anchor, content) => drawn("text", { x, y: tall + 26, "text-anchor": anchor, fill: colourOf("text"), "font-size": 13 }, content);
    const band = counts.map((_, bin) => drawn("rect", { x: bin * step, width: step + 0.5, y: tall + 3, height: 8, fill: shade(colours, (bin + 0.5) / bins) }));
    const label = `Histogram of ${title()}: ${counts.map((number, bin) => (number ? `${number} from ${text(low + (bin * (high - low)) / bins)}` : "")).filter(Boolean).join(", ")}`;
    histogramHost.replaceChildren(drawn("svg", { viewBox: `0 0 ${wide} ${tall + 32}`, role: "img", "aria-label": label }, ...bars, ...band,
      words(0, "start", `≤ ${text(low)}`), words(wide / 2, "middle", [scoreOf().words, scoreOf().units && `(${scoreOf().units})`].filter(Boolean).join(" ").slice(0, 46)), words(wide, "end", `${["1", "100"].includes(scoreOf().best) ? "" : "≥ "}${text(high)}`),
      drawn("text", { x: 0, y: 10, fill: colourOf("soft"), "font-size": 12 }, `${most} stations`)));
  }

  const rows = () => data.stations.map((id, station) => [id, data.names[station], ...regimeOf().scores.map((_, place) => Number(data.values[`score ${state.regime} ${place}`][state.lead * count + station].toPrecision(3)))]);
  const refresh = underneath(data.places ? host : histogramHost, byId("histogram-host"), () => `scores of stations${when()}`, rows,
    () => ["station", "name", ...regimeOf().scores.map((score) => score.key)]);
  if (!data.places) byId("map-figure").querySelector(".save")?.remove();
  histogramHost.after(drawingButton(histogramHost, () => `histogram of ${title()}`));
  const again = figure(host, draw);
  return () => { again(); refresh(); };
}

/** Land in one colour, with a line along the coast. */
function drawLand(brush, land, [rows, columns], wide, high) {
  const [cell, tall] = [wide / columns, high / rows];
  brush.fillStyle = colourOf("land");
  brush.strokeStyle = colourOf("soft");
  brush.lineWidth = 0.6;
  const at = (row, column) => row >= 0 && column >= 0 && row < rows && column < columns && land[row * columns + column];
  brush.beginPath();
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      if (!at(row, column)) continue;
      const [left, top] = [column * cell, row * tall];
      brush.fillRect(left, top, cell + 0.5, tall + 0.5);
      for (const [away, over, ...line] of [[-1, 0, 0, 0, 1, 0], [1, 0, 0, 1, 1, 1], [0, -1, 0, 0, 0, 1], [0, 1, 1, 0, 1, 1]]) {
        if (at(row + away, column + over)) continue;
        brush.moveTo(left + line[0] * cell, top + line[1] * tall);
        brush.lineTo(left + line[2] * cell, top + line[3] * tall);
      }
    }
  }
  brush.stroke();
}

/** Sea, and on it rings of land in one colour, with a line along the coast. */
function drawOutline(brush, rings, wide, high) {
  if (!rings.length) return;
  brush.fillStyle = colourOf("sea");
  brush.fillRect(0, 0, wide, high);
  brush.beginPath();
  for (const ring of rings) {
    ring.forEach(([left, top], place) => (place ? brush.lineTo(left, top) : brush.moveTo(left, top)));
    brush.closePath();
  }
  brush.fillStyle = colourOf("land");
  brush.strokeStyle = colourOf("soft");
  brush.lineWidth = 0.6;
  brush.fill("evenodd");
  brush.stroke();
}
