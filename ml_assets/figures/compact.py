"""Pictures small enough for an event: Dagster keeps events in its database, about four times as large as what was said."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from PIL.Image import Image

COLORS = 32  # of a palette: text, two hues and their blends with white
MOST_BYTES = 39_000  # 52 KB as text in an event that is to stay under 100 KB
SCALES = (1.0, 0.9, 0.8, 0.65, 0.5, 0.4, 0.3)  # of the full size, tried in turn


def png(figure: Figure) -> bytes:
    """The figure in full size, without the date and version that matplotlib adds: the same figure, the same bytes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    buffer = io.BytesIO()
    # what savefig writes; that draws everything twice, once only to lay it out: 0.6 s instead of 0.5
    FigureCanvasAgg(figure).print_png(buffer, metadata={"Software": None})  # type: ignore[no-untyped-call]
    return buffer.getvalue()


def compact(picture: bytes, most_bytes: int = MOST_BYTES) -> bytes:
    """A PNG as a PNG of few colours, and of fewer pixels where that is not enough; at worst a third of its width.

    Args:
        picture: PNG, drawn on white or transparent.
    """
    from PIL import Image

    with Image.open(io.BytesIO(picture)) as opened:
        whole = Image.new("RGB", opened.size, "white")
        whole.paste(opened, mask=opened.getchannel("A") if opened.mode == "RGBA" else None)
    small = b""
    for scale in SCALES:
        small = _with_palette(whole, scale)
        if len(small) <= most_bytes:
            break
    return small


def _with_palette(whole: Image, scale: float) -> bytes:
    from PIL import Image

    size = (max(1, round(whole.width * scale)), max(1, round(whole.height * scale)))
    resized = whole if scale == 1 else whole.resize(size, Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    few = resized.quantize(
        COLORS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE
    )  # the median cut loses hues
    few.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()
