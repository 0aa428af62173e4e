"""Token ids of demo texts by the Rust tokenizer, from the committed models/demo/tokenizer.json.

python demo_tokenizer.py ../../../models/demo/tokenizer.json > demo_tokenizer.json      # tokenizers, version in the file
"""
import json
import sys

import tokenizers

texts = [
    "bars: red + blue - green?",
    "bars: yellow - purple + red + blue?",
    "count: purple?",
    "count: green - yellow + red?",
    "perimeter?",
    "third angle?",
    "<think>red6+blue1=7-green3=4</think>\\boxed{4}<|im_end|>",
    "<think>red8+blue8=16+green8=24+yellow8=32</think>\\boxed{32}<|im_end|>",
    "<think>purple0</think>\\boxed{0}<|im_end|>",
    "<think>4+1=5+7=12</think>\\boxed{12}<|im_end|>",
    "<think>70+35=105,180-105=75</think>\\boxed{75}<|im_end|>",
    "<think></think>\\boxed{4}<|im_end|>",
    "<|im_start|><|vision_start|><|image_pad|><|vision_end|>count: red + yellow?<|im_end|><|im_start|>",
    "How many circles and squares? 3.5% of 12, x^2 = 7/4!",
    " red  blue\n\n+ -\n=",
    "red green",
    "bars:red+ blue",
    "\\boxed{\\frac{1}{2}} and \\boxed 4",
    "<thinks></thin",
    "".join(chr(c) for c in range(32, 127)),
    "caf\u00e9 \u6f22 30\u00b0\ttab",
]
tokenizer = tokenizers.Tokenizer.from_file(sys.argv[1])
cases = []
for text in texts:
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    cases.append(
        {
            "text": text,
            "ids": ids,
            "decoded": tokenizer.decode(ids, skip_special_tokens=False),
            "plain": tokenizer.decode(ids, skip_special_tokens=True),
        }
    )
print(json.dumps({"source": f"tokenizers {tokenizers.__version__} (Rust), demo_tokenizer.py", "cases": cases}, indent=0))
