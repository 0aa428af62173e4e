"""A small file as Hugging Face's datasets writes Geometry3K: pyarrow, two row groups, zstd, dictionary pages.

python pyarrow_geometry3k.py pyarrow_geometry3k.parquet      # pyarrow 26.0.1, Pillow 13.0.0; any version will do
"""
import io
import sys

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image


def png(colour):
    out = io.BytesIO()
    Image.new("RGB", (8, 6), colour).save(out, "PNG")
    return {"bytes": out.getvalue(), "path": None}


image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
schema = pa.schema(
    [
        ("id", pa.int64()),
        ("images", pa.list_(image)),
        ("problem", pa.string()),
        ("answer", pa.string()),
        ("choices", pa.list_(pa.string())),
        ("ground_truth", pa.string()),
        ("score", pa.float32()),
    ]
)
table = pa.table(
    {
        "id": [10, 11, 12, 9007199254740993],
        "images": [[png("red")], [], [png("lime"), png("blue")], [png("white")]],
        "problem": ["<image>Find x.", "What is 2 + 2?", "<image><image>Which is larger?", "<image>Find \u2220A."],
        "answer": ["3\\sqrt{2}", "4", "B", "48"],
        "choices": [["1", "3\\sqrt{2}"], [], ["A", "B"], ["48", "50"]],
        "ground_truth": ["B", None, "B", "A"],
        "score": [0.5, 0.25, None, 1.0],
    },
    schema=schema,
)
pq.write_table(table, sys.argv[1], row_group_size=3, compression="zstd")
