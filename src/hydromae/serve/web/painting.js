// Days that are hidden by hand: dragged over in the hydrograph, or named by their dates.

/** A set of days with the spans that it is made of. */
function hiddenDays() {
  const days = new Set();
  const between = (first, last) => Array.from({ length: Math.abs(last - first) + 1 }, (_, place) => Math.min(first, last) + place);
  return {
    has: (day) => days.has(day),
    clear: () => days.clear(),
    hide: (first, last) => between(first, last).forEach((day) => days.add(day)),
    show: (first, last) => between(first, last).forEach((day) => days.delete(day)),
    /** Hide a span, or show it again where all of it is hidden. */
    turn(first, last) {
      const all = between(first, last);
      const shows = all.every((day) => days.has(day));
      all.forEach((day) => (shows ? days.delete(day) : days.add(day)));
    },
    spans() {
      const made = [];
      for (const day of [...days].sort((one, other) => one - other)) {
        if (made.length && made[made.length - 1][1] === day - 1) made[made.length - 1][1] = day;
        else made.push([day, day]);
      }
      return made;
    },
  };
}

/** Let a pointer drag over the days of a plot, a finger too; `painted` is called with the first and the last day. */
function paintable(plot, x, painted) {
  const over = plot.over;
  const dayAt = (event) => {
    const left = event.clientX - over.getBoundingClientRect().left;
    return Math.min(x[x.length - 1], Math.max(x[0], Math.round(plot.posToVal(left, "x") / 86400)));
  };
  let from = null;
  const band = element("div", { className: "painting", hidden: true });
  over.append(band);
  const show = (to) => {
    const [left, right] = [Math.min(from, to) - 0.5, Math.max(from, to) + 0.5].map((day) => plot.valToPos(day * 86400, "x"));
    band.hidden = false;
    Object.assign(band.style, { left: `${Math.max(0, left)}px`, width: `${right - Math.max(0, left)}px` });
  };
  over.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    from = dayAt(event);
    over.setPointerCapture(event.pointerId);
    show(from);
  });
  over.addEventListener("pointermove", (event) => { if (from !== null) show(dayAt(event)); });
  over.addEventListener("pointerup", (event) => {
    if (from === null) return;
    const ends = [from, dayAt(event)].sort((one, other) => one - other);
    from = null;
    band.hidden = true;
    painted(...ends);
  });
  over.addEventListener("pointercancel", () => { from = null; band.hidden = true; });
}
