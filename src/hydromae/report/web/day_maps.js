// Grids day by day: observed, what the model saw, reconstructed, and the error at what was hidden.

function dayMaps(data) {
  const host = byId("grids-host"), slider = byId("grid-day"), status = byId("grids-status");
  const state = { grid: 0, day: 0 };
  const gridOf = () => data.grids[state.grid];
  choices(byId("grid-name"), data.grids.map((grid, place) => [place, grid.label]), 0);

  function fields() {
    const grid = gridOf(), array = data.arrays.find((one) => one.name === `${grid.name} observed`);
    const [, rows, columns] = array.shape, size = rows * columns, from = state.day * size;
    const part = (name) => data.values[`${grid.name} ${name}`].subarray(from, from + size);
    const back = (values) => Float32Array.from(values, (value) => value * grid.scale + grid.offset);
    return { grid, day: grid.days[state.day], rows, columns, observed: back(part("observed")), filled: back(part("reconstructed")), hidden: part("hidden") };
  }

  const numbers = (made) => [made.day, ...gridNumbers(made)];

  const title = () => `${gridOf().label} on ${gridOf().days[state.day]}`;
  const draw = (width) => {
    const made = fields();
    gridFigure({ host, legend: byId("grids-legend"), status }, made, [0, 1, 2, 3], width);
    byId("grid-date").textContent = made.day;
    slider.setAttribute("aria-valuetext", made.day);
    refresh();
  };

  const refresh = underneath(host, byId("grids-note"), title,
    () => { const kept = state.day; const rows = gridOf().days.map((_, day) => { state.day = day; return numbers(fields()); }); state.day = kept; return rows; },
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
