"""The documentation site: `make docs` builds it into build/docs."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

from hydromae.base.version import VERSION

project = "HydroMAE"
author = "The HydroMAE developers"
version = release = VERSION
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "contents_of_lists", "generated"]
exclude_patterns = ["_ext"]

html_theme = "pydata_sphinx_theme"
html_title = "HydroMAE"
html_show_sourcelink = False
html_theme_options = {"navbar_align": "left", "header_links_before_dropdown": 7, "footer_end": []}

# Links to headings are those of GitHub, where the same pages are read.
myst_heading_anchors = 4

# The tutorials are run at every build, each in an empty folder; a cell that fails fails the build.
nb_execution_mode = "force"
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_timeout = 900
os.environ["TTY_COMPATIBLE"] = "0"  # Jupyter asks for colours and bars, which a page cannot show; rich heeds this first
nb_merge_streams = True

autodoc_typehints = "none"
autodoc_member_order = "bysource"
