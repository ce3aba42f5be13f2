// The floods and low flows of a station, with what was forecast for their days.

const APART = { flood: 5, low: 15 }; // days on both sides on which no other day is more extreme
const MOST = { flood: 5, low: 3 };
const BEFORE_EVENT = [1, 3, 7]; // lead times that are shown

/** Days whose value is the most extreme of those around it, the most extreme first: [day, value]. */
function extremes(known, sign, apart, most) {
  const on = new Map(known), chosen = [];
  const leads = ([day, value]) => {
    for (let away = -apart; away <= apart; away++) if (sign * (on.get(day + away) ?? -sign * Infinity) > sign * value) return false;
    return true;
  };
  for (const one of known.filter(leads).sort((first, second) => sign * (second[1] - first[1]) || first[0] - second[0])) {
    if (chosen.length < most && chosen.every(([day]) => Math.abs(day - one[0]) > apart)) chosen.push(one);
  }
  return chosen;
}

/** A table of events of the chosen station; each is a link to a forecast that was issued before it. */
function eventsTable(data, state, { observedOn, forecastOn, nameOf, unit, setIssue }) {
  const { leads, issues, levels = {} } = data, horizon = leads[leads.length - 1];
  const shown = BEFORE_EVENT.filter((lead) => leads.includes(lead));
  const level = (name) => levels[name]?.[state.station] ?? NaN;

  /** The lead times at which a day was forecast, with the places of their issues. */
  const issuesBefore = (day) => issues.flatMap((issue, place) => (leads.includes(day - issue) ? [[day - issue, place]] : []));
  const nearest = (list, lead) => list.reduce((best, one) => (best === null || Math.abs(one[0] - lead) < Math.abs(best[0] - lead) ? one : best), null);

  /** What was forecast at a lead time, or at one that is nearer to it than to the others shown. */
  function cell(before, lead) {
    const owner = (one) => shown.reduce((best, other) => (Math.abs(one - other) < Math.abs(one - best) ? other : best));
    const best = nearest(before.filter(([one]) => owner(one) === lead), lead);
    if (!best) return "\u2013";
    const value = text(forecastOn(best[1], leads.indexOf(best[0])));
    return best[0] === lead ? value : `${value} (lead ${best[0]})`;
  }

  function row([day, value], kind) {
    const flood = ["10-year flood", "5-year flood", "2-year flood"].find((name) => value > level(name));
    const words = kind === "flood" ? (flood ? flood : "high flow") : value < level("below Q95") ? "below Q95" : "low flow";
    const before = issuesBefore(day), earlier = issues.findLastIndex((issue) => issue < day);
    const target = nearest(before, 3)?.[1] ?? Math.max(0, earlier);
    const link = element("button", { type: "button", className: "link", textContent: dayText(day), "aria-label": `${dayText(day)}: show the forecast issued on ${dayText(issues[target])}`, onclick: () => setIssue(target) });
    return [link, words, text(value), ...shown.map((lead) => cell(before, lead))];
  }

  return () => {
    const host = byId("station-events"), known = [];
    for (let day = issues[0] + 1; day <= issues[issues.length - 1] + horizon; day++) if (Number.isFinite(observedOn(day))) known.push([day, observedOn(day)]);
    host.hidden = !known.length;
    if (!known.length) return;
    const rows = [...extremes(known, 1, APART.flood, MOST.flood).map((one) => row(one, "flood")), ...extremes(known, -1, APART.low, MOST.low).map((one) => row(one, "low"))];
    const made = table(["day", "event", `observed${unit}`, ...shown.map((lead) => `lead ${lead}`)], rows, `Floods and low flows of ${nameOf()}: observed, and as they were forecast; a day is a link to such a forecast`);
    host.style.setProperty("--columns", 2 + shown.length);
    host.replaceChildren(made);
    offerTable(made.querySelector("table"), `events of ${nameOf()}`);
  };
}
