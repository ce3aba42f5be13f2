"""A rough outline of Great Britain in kilometres east and north of the British National Grid's origin."""

import numpy as np
from jaxtyping import Bool, Float


def _corners(text: str) -> Float[np.ndarray, "corner 2"]:
    """Corners of a polygon, km east and north, from pairs `east,north` between blanks."""
    return np.array([pair.split(",") for pair in text.split()], dtype=float)


# Clockwise from Land's End; good to about 10 km, enough to be recognised on a 5 km grid.
MAINLAND = _corners(
    "134,25 170,11 181,32 225,53 247,52 266,40 283,37 292,58 300,80 334,92 368,68 372,80 404,77 410,92 432,92 447,106 "
    "465,99 485,92 531,104 559,95 582,109 609,117 623,136 636,143 640,170 611,167 590,173 566,178 588,184 602,195 "
    "618,215 626,232 645,249 655,293 650,320 622,342 603,345 567,341 560,322 545,328 536,338 556,358 551,385 540,411 "
    "520,416 500,424 510,429 534,428 521,447 525,470 505,488 490,511 466,521 453,531 441,557 437,569 425,610 418,635 "
    "401,653 391,669 368,679 355,685 325,677 292,682 293,689 329,692 363,709 352,717 335,728 357,734 372,757 388,785 "
    "396,806 414,846 400,867 369,864 323,871 288,857 266,846 279,867 295,887 280,889 303,915 338,951 340,973 320,977 "
    "283,969 250,968 226,975 200,933 208,922 212,894 174,892 178,876 170,845 176,827 167,797 142,767 165,745 186,730 "
    "178,694 165,660 159,607 174,620 187,668 213,667 228,677 222,642 233,622 218,598 198,573 216,530 220,555 245,534 "
    "267,543 297,554 331,566 310,554 294,514 317,465 343,464 333,448 333,418 332,395 321,389 325,373 312,385 276,384 "
    "258,374 248,393 229,393 222,382 238,363 247,360 214,326 231,326 256,338 261,315 258,281 239,260 216,248 190,241 "
    "172,225 185,205 197,193 213,200 235,207 239,187 263,187 276,188 291,168 319,168 331,184 353,190 372,208 351,178 "
    "331,162 326,146 297,147 252,148 245,130 223,128 220,106 205,89 185,76 152,41 135,32"
)
ISLANDS = [
    _corners(text)
    for text in (
        "118,850 130,862 142,875 152,850 164,825 172,808 158,800 140,818 122,835",  # Skye
        "125,932 140,945 153,964 157,940 140,915 120,893 102,885 98,900 104,925",  # Lewis and Harris
        "72,870 90,875 88,845 84,810 72,805 74,840",  # the Uists
        "128,740 145,757 163,740 176,730 160,718 132,718",  # Mull
        "118,650 122,675 145,678 165,705 175,700 160,670 148,640 130,640",  # Islay and Jura
        "188,625 192,650 204,645 206,622",  # Arran
        "318,995 322,1028 345,1030 365,1035 370,1010 350,985",  # Orkney
        "430,1110 420,1150 435,1190 460,1205 468,1170 452,1140 445,1110",  # Shetland
        "431,86 450,97 465,88 450,76",  # Isle of Wight
    )
]


def _inside(
    polygon: Float[np.ndarray, "corner 2"], easting: Float[np.ndarray, "*cells"], northing: Float[np.ndarray, "*cells"]
) -> Bool[np.ndarray, "*cells"]:
    """Even-odd rule: a point is inside when a ray to the east crosses the border an odd number of times."""
    inside = np.zeros(easting.shape, dtype=bool)
    for (x_from, y_from), (x_to, y_to) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        if y_from == y_to:
            continue
        spans = (northing >= min(y_from, y_to)) & (northing < max(y_from, y_to))
        crossing = x_from + (northing - y_from) * (x_to - x_from) / (y_to - y_from)
        inside ^= spans & (easting < crossing)
    return inside


def is_mainland(
    easting: Float[np.ndarray, "*cells"], northing: Float[np.ndarray, "*cells"]
) -> Bool[np.ndarray, "*cells"]:
    """Whether points (km) lie on the mainland."""
    return _inside(MAINLAND, easting, northing)


def is_land(easting: Float[np.ndarray, "*cells"], northing: Float[np.ndarray, "*cells"]) -> Bool[np.ndarray, "*cells"]:
    """Whether points (km) lie on the mainland or one of the larger islands."""
    land = is_mainland(easting, northing)
    for island in ISLANDS:
        land |= _inside(island, easting, northing)
    return land
