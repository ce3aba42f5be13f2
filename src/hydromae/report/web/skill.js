// Skill against lead time, the distribution of NSE over stations, and reliability.

function skillPart(data, state) {
  const skillOf = () => data.skill.find((one) => one.key === state.regime) ?? data.skill[0];
  const metricOf = () => Math.max(0, skillOf().metrics.findIndex((metric) => metric.key === state.metric));
  const wordsOf = () => skillOf().metrics[metricOf()];
  const inkOf = (place) => (place === 0 ? colourOf("blue") : LINES[place % LINES.length]);
  choices(byId("metric"), data.skill[0].metrics.map((metric) => [metric.key, metric.words]), state.metric);
  byId("metric").onchange = (event) => { state.metric = event.target.value; skill(); };

  const skillTitle = () => `${wordsOf().words} by lead time, ${data.regimes.find((one) => one.key === skillOf().key)?.words ?? ""}`;
  const skill = figure(byId("skill-host"), (width) => {
    const { leads, models, values } = skillOf(), of = values[metricOf()];
    lineChart(byId("skill-host"), width, {
      x: leads, xLabel: "lead time, days", yLabel: wordsOf().key.toUpperCase() + (wordsOf().units ? ` (${wordsOf().units})` : ""), height: 300,
      bands: [{ low: of[0][0], high: of[0][2], colour: colourOf("fan-wide"), label: `${models[0]}, quartiles` }],
      series: models.map((label, place) => ({ label, values: of[place][1], colour: inkOf(place), dash: DASHES[place % DASHES.length], points: true, width: place ? 1.6 : 2.6 })),
    });
    byId("skill-host").setAttribute("aria-label", `${skillTitle()}. Median over stations: ${models.map((model, place) => `${model} ${of[place][1].map((value) => text(value)).join(", ")}`).join("; ")}.`);
    refreshSkill();
  });
  const refreshSkill = underneath(byId("skill-host"), byId("skill-note"), skillTitle,
    () => skillOf().models.flatMap((model, place) => ["lower quartile", "median", "upper quartile"].map((words, quartile) => [`${model}, ${words}`, ...skillOf().values[metricOf()][place][quartile].map((value) => value ?? NaN)])),
    () => ["model", ...skillOf().leads.map((lead) => `lead ${lead}`)]);

  const nseOf = () => data.regimes.find((one) => one.key === state.regime)?.scores.findIndex((score) => score.key === "nse") ?? -1;
  const grid = Array.from({ length: 101 }, (_, place) => -1 + place / 50);
  const count = data.stations.length;
  const spread = (values, lead) => {
    const known = [...values.subarray(lead * count, (lead + 1) * count)].filter(Number.isFinite);
    return grid.map((limit) => (known.length ? (100 * known.filter((value) => value <= limit).length) / known.length : NaN));
  };
  const curves = () => {
    const own = data.values[`score ${state.regime} ${nseOf()}`], last = data.values[`persistence ${state.regime}`];
    if (!own) return [];
    const chosen = [...new Set([0, Math.min(2, data.leads.length - 1), data.leads.length - 1])];
    const made = chosen.map((lead, place) => ({ label: `lead ${data.leads[lead]}`, values: spread(own, lead), colour: [colourOf("blue"), ...LINES.slice(1)][place], dash: DASHES[place], width: 2 }));
    return last ? [...made, { label: `persistence, lead ${data.leads[chosen[chosen.length > 1 ? 1 : 0]]}`, values: spread(last, chosen[chosen.length > 1 ? 1 : 0]), colour: colourOf("soft"), dash: [2, 3] }] : made;
  };
  const cdfTitle = () => `share of stations up to each NSE, ${data.regimes.find((one) => one.key === state.regime).words}`;
  const cdf = figure(byId("cdf-host"), (width) => {
    const series = curves();
    byId("cdf-figure").hidden = !series.length;
    if (!series.length) return;
    lineChart(byId("cdf-host"), width, { x: grid, xLabel: "NSE (what is below \u22121 is counted at \u22121)", yLabel: "stations up to it, %", height: 300, series, yRange: [0, 100] });
    byId("cdf-host").setAttribute("aria-label", `${cdfTitle()}. Below 0: ${series.map((one) => `${one.label} ${text(one.values[50])} %`).join(", ")}.`);
    refreshCdf();
  });
  const refreshCdf = underneath(byId("cdf-host"), byId("cdf-note"), cdfTitle, () => { const series = curves(); return grid.map((limit, place) => [text(limit), ...series.map((one) => one.values[place])]); }, () => ["NSE", ...curves().map((one) => one.label)]);

  const reliabilityOf = () => data.reliability.find((one) => one.key === state.regime);
  const coverTitle = () => `coverage by lead time, ${data.regimes.find((one) => one.key === state.regime).words}`;
  const cover = figure(byId("coverage-host"), (width) => {
    const held = reliabilityOf();
    if (!held) return;
    lineChart(byId("coverage-host"), width, {
      x: held.leads, xLabel: "lead time, days", yLabel: "days inside the band, %", height: 260, yRange: [0, 100],
      series: held.intervals.flatMap((level, place) => [
        { label: `${Math.round(level * 100)} % band`, values: held.coverage[place].map((value) => (value === null ? NaN : 100 * value)), colour: place ? LINES[1] : colourOf("blue"), points: true, width: 2 },
        { label: `it should be ${Math.round(level * 100)} %`, values: held.leads.map(() => 100 * level), colour: place ? LINES[1] : colourOf("blue"), dash: [2, 4], width: 1 },
      ]),
    });
    byId("coverage-host").setAttribute("aria-label", `${coverTitle()}: ${held.intervals.map((level, place) => `${Math.round(level * 100)} % band ${held.coverage[place].map((value) => text(100 * value)).join(", ")} %`).join("; ")}.`);
    refreshCover();
  });
  const refreshCover = underneath(byId("coverage-host"), byId("coverage-note"), coverTitle, () => reliabilityOf().leads.map((lead, place) => [`lead ${lead}`, ...reliabilityOf().coverage.map((row) => row[place] ?? NaN)]),
    () => ["lead time", ...reliabilityOf().intervals.map((level) => `share inside the ${Math.round(level * 100)} % band`)]);

  /** The bars of PIT: how often the observation falls between two quantiles, over how often it should. */
  function drawPit() {
    const held = reliabilityOf();
    byId("pit-figure").hidden = !held?.density;
    if (!held?.density) return;
    const [wide, tall, foot] = [400, 190, 24], most = Math.max(1.5, ...held.density) * 1.1, y = (value) => tall * (1 - value / most);
    const bars = held.density.map((value, bin) => drawn("rect", { x: held.edges[bin] * wide + 0.5, width: (held.edges[bin + 1] - held.edges[bin]) * wide - 1, y: y(value ?? 0), height: tall - y(value ?? 0), fill: colourOf("blue"), "fill-opacity": 0.75 }));
    const label = `How often the observation falls between quantiles, over how often it should: ${held.density.map((value, bin) => `${text(held.edges[bin])} to ${text(held.edges[bin + 1])}: ${text(value)}`).join(", ")}.`;
    const words = (x, anchor, content, at = tall + 18) => drawn("text", { x, y: at, "text-anchor": anchor, fill: colourOf("text"), "font-size": 12 }, content);
    byId("pit-host").replaceChildren(drawn("svg", { viewBox: `0 0 ${wide} ${tall + foot}`, role: "img", "aria-label": label }, ...bars,
      drawn("line", { x1: 0, x2: wide, y1: y(1), y2: y(1), stroke: colourOf("text"), "stroke-dasharray": "5 4" }), words(wide - 2, "end", "1: as it should be", y(1) - 5),
      words(0, "start", "below all quantiles"), words(wide, "end", "above all")));
    const made = table(["between quantiles", "density"], held.density.map((value, bin) => [`${text(held.edges[bin])} to ${text(held.edges[bin + 1])}`, text(value)]), "Density of observations among the quantiles (PIT)");
    byId("pit-table").replaceChildren(made);
    offerTable(made.querySelector("table"), "PIT");
    byId("pit-table").append(drawingButton(byId("pit-host"), () => `PIT, ${data.regimes.find((one) => one.key === state.regime).words}`));
  }
  const pit = figure(byId("pit-host"), drawPit);

  return () => {
    byId("reliability").hidden = !reliabilityOf();
    [skill, cdf, cover].forEach((draw) => draw());
    drawPit();
    pit.width = undefined;
  };
}
