// Scales of colours that differ in lightness too, so that they are told apart with any colour vision.

const VIRIDIS = ["#440154", "#482878", "#3e4989", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725"];
const PUOR = ["#7f3b08", "#b35806", "#e08214", "#fdb863", "#fee0b6", "#d8daeb", "#b2abd2", "#8073ac", "#542788", "#2d004b"];
const LINES = ["#0072b2", "#d55e00", "#009e73", "#8a8f98", "#cc79a7", "#56b4e9", "#b8860b"]; // Okabe and Ito (2008)
const DASHES = [[], [6, 3], [2, 3], [8, 3, 2, 3], [1, 2], [10, 4], [4, 2]];

/** The colour of a share from 0 to 1. */
const shade = (colours, share) => colours[Math.min(colours.length - 1, Math.max(0, Math.floor(share * colours.length)))];

/** Range and colours for scores whose best value is known: that value is the end or the middle of the scale. */
function scaleOf(values, best) {
  const sorted = [...values].filter(Number.isFinite).sort((one, other) => one - other);
  if (!sorted.length) return { low: 0, high: 1, colours: VIRIDIS };
  const at = (share) => sorted[Math.round(share * (sorted.length - 1))];
  let [low, high] = [at(0.05), at(0.95)];
  if (best === "1") return { low: Math.max(-1, Math.min(low, 0)), high: 1, colours: VIRIDIS };
  if (best === "100") return { low: Math.min(low, 90), high: 100, colours: VIRIDIS };
  if (best === "0" && low === 0 && high === 0) high = 1;
  const middle = Number(best);
  if (best !== "" && low < middle && high > middle) {
    const reach = Math.max(middle - low, high - middle);
    return { low: middle - reach, high: middle + reach, colours: PUOR };
  }
  if (low === high) [low, high] = [low - 0.5, high + 0.5];
  return { low, high, colours: best === "0" ? [...VIRIDIS].reverse() : VIRIDIS };
}
