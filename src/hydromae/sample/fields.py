"""Gaussian random fields with a chosen correlation length, fixed or carried by the wind."""

import numpy as np
from jaxtyping import Complex, Float

# Larger than the sample's 900 km x 1450 km: weather that leaves in the east fades before it returns in the west.
EXTENT_EAST_KM = 1440.0
EXTENT_NORTH_KM = 1920.0
NODES_PER_LENGTH = 3


class PeriodicGrid:
    """A periodic grid just fine enough for one correlation length, and the way from its nodes to given points.

    The fields have zero mean, unit variance and covariance exp(-d^2 / 2 L^2).

    Args:
        length: correlation length L, km.
        easting, northing: points where the field is wanted, km, [cell].
    """

    def __init__(self, length: float, easting: Float[np.ndarray, " cell"], northing: Float[np.ndarray, " cell"]):
        n_east = int(np.ceil(EXTENT_EAST_KM * NODES_PER_LENGTH / length))
        n_north = int(np.ceil(EXTENT_NORTH_KM * NODES_PER_LENGTH / length))
        self.shape = (n_north, n_east)
        step_east, step_north = EXTENT_EAST_KM / n_east, EXTENT_NORTH_KM / n_north
        self.wave_east = 2 * np.pi * np.fft.rfftfreq(n_east, step_east).astype(np.float32)
        self.wave_north = 2 * np.pi * np.fft.fftfreq(n_north, step_north).astype(np.float32)

        full_east = 2 * np.pi * np.fft.fftfreq(n_east, step_east)
        power = np.exp(-0.5 * length**2 * (full_east[None, :] ** 2 + self.wave_north[:, None] ** 2))
        self.amplitude = np.sqrt(power / power.mean())[:, : len(self.wave_east)].astype(np.float32)

        column, east = np.divmod(easting / step_east, 1.0)
        row, north = np.divmod(northing / step_north, 1.0)
        west_column, south_row = column.astype(int) % n_east, row.astype(int) % n_north
        east_column, north_row = (west_column + 1) % n_east, (south_row + 1) % n_north
        self._nodes = [r * n_east + c for r in (south_row, north_row) for c in (west_column, east_column)]
        weights = [b * a for b in (1 - north, north) for a in (1 - east, east)]
        # Averaging the four nodes would lose variance between them.
        variance = (1 - 2 * east * (1 - east) * (1 - np.exp(-0.5 * (step_east / length) ** 2))) * (
            1 - 2 * north * (1 - north) * (1 - np.exp(-0.5 * (step_north / length) ** 2))
        )
        self._weights = [(weight / np.sqrt(variance)).astype(np.float32) for weight in weights]

    def noise(self, rng: np.random.Generator, n_fields: int) -> Complex[np.ndarray, "field wave_north wave_east"]:
        """Spectra of independent fields."""
        white = rng.standard_normal((n_fields, *self.shape), dtype=np.float32)
        return np.fft.rfft2(white).astype(np.complex64) * self.amplitude

    def at_points(self, spectra: Complex[np.ndarray, "field wave_north wave_east"]) -> Float[np.ndarray, "field cell"]:
        """Values of the fields at the points, float32, by bilinear interpolation."""
        nodes = np.fft.irfft2(spectra, s=self.shape).astype(np.float32).reshape(len(spectra), -1)  # [field, node]
        values = nodes[:, self._nodes[0]] * self._weights[0]  # [field, cell]
        for node, weight in zip(self._nodes[1:], self._weights[1:], strict=True):
            values += nodes[:, node] * weight
        return values


def smooth_noise(
    rng: np.random.Generator,
    length: float,
    easting: Float[np.ndarray, " cell"],
    northing: Float[np.ndarray, " cell"],
) -> Float[np.ndarray, " cell"]:
    """One field of unit variance and correlation length `length` (km) at the given points (km), float32."""
    grid = PeriodicGrid(length, easting, northing)
    return grid.at_points(grid.noise(rng, 1))[0]


class MovingField:
    """A field carried by the wind that changes as it goes: first-order autoregressive in the moving frame.

    Args:
        rng: source of randomness, kept and advanced.
        length: correlation length, km.
        persistence: correlation of a piece of air with itself one day later.
        easting, northing: points where the field is wanted, km, [cell].
    """

    def __init__(
        self,
        rng: np.random.Generator,
        length: float,
        persistence: float,
        easting: Float[np.ndarray, " cell"],
        northing: Float[np.ndarray, " cell"],
    ):
        self._rng = rng
        self._grid = PeriodicGrid(length, easting, northing)
        self._persistence = persistence
        self._state = self._grid.noise(rng, 1)[0]

    def advance(self, displacement: Float[np.ndarray, "day 2"]) -> Float[np.ndarray, "day cell"]:
        """The next days' fields, each displaced from the day before by so many km to the east and north; float32."""
        spectra = self._grid.noise(self._rng, len(displacement)) * np.float32(np.sqrt(1 - self._persistence**2))
        displacement = displacement.astype(np.float32)
        # A shift in space is a turn of the phase of each wave, exact for any distance.
        turn_east = np.exp(-1j * displacement[:, :1] * self._grid.wave_east)  # [day, wave_east]
        turn_north = self._persistence * np.exp(-1j * displacement[:, 1:] * self._grid.wave_north)  # [day, wave_north]
        turn_east, turn_north = turn_east.astype(np.complex64), turn_north.astype(np.complex64)
        for day in range(len(displacement)):
            spectra[day] += self._state * turn_north[day][:, None] * turn_east[day][None, :]
            self._state = spectra[day]
        self._state = self._state.copy()
        return self._grid.at_points(spectra)
