// The hydrograph of a forecast: what was known, what was observed later, persistence, and the line of each model.

/**
 * Draw it into a host; returns the plot.
 *
 * x: days; day: the issue day; observed: on these days; last: what persistence says; lines: [{ label, values, colour, dash }];
 * known: of a day, whether the model saw what was observed on it; markers: whether each value of a line has its point;
 * further options are those of `lineChart`.
 */
function hydrograph(host, width, { x, day, horizon, observed, last, lines, known = (one) => one <= day, unseen = "observed later", markers = true, ...options }) {
  const seen = x.map(known);
  return lineChart(host, width, {
    x, days: true, marks: [{ at: day, words: "issued" }], ...options,
    series: [
      { label: "observed", values: x.map((_, place) => (seen[place] ? observed[place] : NaN)), colour: colourOf("text") },
      ...(seen.every(Boolean) ? [] : [{ label: unseen, values: x.map((_, place) => (seen[place] ? NaN : observed[place])), colour: colourOf("text"), width: 0, points: true }]),
      ...(Number.isFinite(last) ? [{ label: "persistence", values: x.map((one) => (one >= day && one <= day + horizon ? last : NaN)), colour: colourOf("soft"), dash: [2, 4] }] : []),
      ...lines.map((line) => ({ width: 2.4, points: markers, ...line })),
    ],
  });
}
