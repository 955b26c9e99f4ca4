"""The torch loop that any problem may use: it resumes bit for bit, on one device or many, and costs next to nothing.

    with seeded(run.seed):
        network = Net(params)
    rows = Tensors({"x": x, "y": y})
    fitted = fit(network, lambda net, batch: (net(batch["x"]) - batch["y"]) ** 2, rows, chosen_by, Loop(epochs=20), run)

What happens to a training that is killed, at any moment:

    step k          checkpoint(k)          step k+1 … k+m      killed
    same key  ->    latest() is k          step k+1 …          the bits of a training that nobody killed

A checkpoint holds what a step reads and changes (weights, optimizer, chance of each rank, running sums, the best weights so
far); everything else, such as the order of rows and the learning rate, is a function of the seed and the number of the step.
"""

from ml_assets.training.loop.chance import seeded
from ml_assets.training.loop.fit import Fitted, fit
from ml_assets.training.loop.loop import Loop
from ml_assets.training.loop.parquet import ParquetRows
from ml_assets.training.loop.rows import Batch, Rows, Tensors, from_frame

__all__ = ["Batch", "Fitted", "Loop", "ParquetRows", "Rows", "Tensors", "fit", "from_frame", "seeded"]
