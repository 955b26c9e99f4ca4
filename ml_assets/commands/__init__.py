"""Steps of a problem as programs of any language: R, a shell pipeline, a compiled binary. See docs/COMMANDS.md.

from ml_assets.commands import Command, Parameter

PROBLEM = Problem(…, train=Command(("Rscript", "fit.R", "{parameters}"), files=("fit.R",), module=__name__))
"""

from ml_assets.commands.command import Command
from ml_assets.commands.parameter import Parameter
from ml_assets.commands.valohai import valohai_step

__all__ = ["Command", "Parameter", "valohai_step"]
