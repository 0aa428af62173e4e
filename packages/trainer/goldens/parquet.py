"""Small parquet and JSONL files as pyarrow and Hugging Face's datasets write them, one feature of the format each.

python parquet.py parquet      # pyarrow 26.0.1, datasets 5.2.0, Pillow 13.0.0; any version will do
"""
import base64
import io
import json
import os
import sys

import pyarrow as pa
import pyarrow.parquet as pq
from datasets import Dataset, Features, Image, Sequence, Value
from PIL import Image as Pillow

out = sys.argv[1]
COLOURS = ["red", "lime", "blue"]


def png(colour):
    data = io.BytesIO()
    Pillow.new("RGB", (8, 6), colour).save(data, "PNG")
    return data.getvalue()


# Twelve rows: row i has picture i mod 3, and its answer is i.
N = 12
problems = [f"<image>How many, case {i % 2}?" for i in range(N)]
answers = [str(i) for i in range(N)]
pictures = [png(COLOURS[i % 3]) for i in range(N)]


def write(name, binary=pa.binary(), string=pa.string(), **options):
    image = pa.struct([("bytes", binary), ("path", string)])
    table = pa.table(
        {
            "images": pa.array([[{"bytes": p, "path": None}] for p in pictures], pa.list_(image)),
            "problem": pa.array(problems, string),
            "answer": pa.array(answers, string),
        }
    )
    pq.write_table(table, os.path.join(out, name), **options)


for codec in ["none", "snappy", "gzip", "zstd", "brotli", "lz4"]:
    write(f"{codec}.parquet", compression=codec, use_dictionary=False)
write("dictionary.parquet", use_dictionary=True, row_group_size=5)
write("large.parquet", pa.large_binary(), pa.large_string(), row_group_size=4, data_page_version="2.0")
write("delta.parquet", use_dictionary=False, column_encoding={"problem": "DELTA_BYTE_ARRAY", "answer": "DELTA_LENGTH_BYTE_ARRAY"})

# As datasets writes a set with its own Image feature: a list of pictures, and one picture.
features = Features({"images": Sequence(Image()), "problem": Value("string"), "answer": Value("string")})
rows = {"images": [[{"bytes": p, "path": None}] for p in pictures], "problem": problems, "answer": answers}
Dataset.from_dict(rows, features=features).to_parquet(os.path.join(out, "datasets.parquet"))
single = Features({"image": Image(), "prompt": Value("string"), "solution": Value("string")})
prompts = [problem.replace("<image>", "") for problem in problems]
rows = {"image": [{"bytes": p, "path": None} for p in pictures], "prompt": prompts, "solution": [f"So \\boxed{{{a}}}." for a in answers]}
Dataset.from_dict(rows, features=single).to_parquet(os.path.join(out, "trl_text.parquet"))

# As TRL wants a conversation: parts of text and pictures, the pictures in a column of their own.
parts = [[{"role": "user", "content": [{"type": "image", "text": None}, {"type": "text", "text": p}]}] for p in prompts]
rows = {"prompt": parts, "images": [[{"bytes": p, "path": None}] for p in pictures], "solution": answers}
table = Dataset.from_dict(rows).cast_column("images", Sequence(Image()))
table.to_parquet(os.path.join(out, "trl_conversation.parquet"))

os.makedirs(os.path.join(out, "pictures"), exist_ok=True)
for colour in COLOURS:
    with open(os.path.join(out, "pictures", f"{colour}.png"), "wb") as file:
        file.write(png(colour))


def jsonl(name, make):
    with open(os.path.join(out, name), "w") as file:
        for i in range(N):
            file.write(json.dumps(make(i)) + "\n")


encoded = [base64.b64encode(p).decode() for p in pictures]
jsonl("paths.jsonl", lambda i: {"problem": problems[i], "answer": answers[i], "images": [f"pictures/{COLOURS[i % 3]}.png"]})
jsonl("base64.jsonl", lambda i: {"problem": problems[i], "answer": int(answers[i]), "images": encoded[i]})
jsonl(
    "openai.jsonl",
    lambda i: {
        "prompt": [
            {"role": "system", "content": "Count."},
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{encoded[i]}"}}, {"type": "text", "text": prompts[i]}]},
        ],
        "answer": answers[i],
    },
)
