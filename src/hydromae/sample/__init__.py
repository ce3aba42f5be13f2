"""A synthetic, GB-shaped data set simulated with simple physics, in the file formats of the first user."""

from hydromae.sample.sizes import SIZES, Sample, SampleSize
from hydromae.sample.write import write_sample

__all__ = ["SIZES", "Sample", "SampleSize", "write_sample"]
