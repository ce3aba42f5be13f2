"""A synthetic, GB-shaped data set made from physics, in the file formats of the system's first user."""

from hydromae.data.sample.sizes import SIZES, Sample, SampleSize
from hydromae.data.sample.write import write_sample

__all__ = ["SIZES", "Sample", "SampleSize", "write_sample"]
