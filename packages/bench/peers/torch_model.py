"""The text half of Qwen2.5-VL in PyTorch, written for speed on one thread: what `torchMain.ts` compares Durian with.

Reads one JSON message a line, answers with one. `load` names a folder with weights.f32, tokens.i32 and model.json.
Every answer to `train` and `sample` carries wall and processor milliseconds taken here, so that no message is in the time.
"""

import json
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

torch.set_num_threads(1)
state = {}


def load(folder):
    spec = json.load(open(f"{folder}/model.json"))
    flat = np.fromfile(f"{folder}/weights.f32", dtype="<f4")
    weights, at = {}, 0
    for name, shape in spec["weights"]:
        size = int(np.prod(shape))
        weights[name] = torch.tensor(flat[at : at + size].reshape(shape), requires_grad=True)
        at += size
    tokens = np.fromfile(f"{folder}/tokens.i32", dtype="<i4").reshape(spec["sequences"], spec["length"] + 2)
    inverse = 1.0 / spec["theta"] ** (torch.arange(0, spec["headDim"], 2).float() / spec["headDim"])
    angles = torch.arange(spec["length"] + 80).float()[:, None] * inverse
    angles = torch.cat([angles, angles], -1)
    state.update(
        spec=spec,
        weights=weights,
        tokens=torch.tensor(tokens.astype(np.int64)),
        cos=angles.cos(),
        sin=angles.sin(),
        adam=torch.optim.AdamW(weights.values(), lr=spec["learningRate"], weight_decay=0.01, foreach=True),
    )
    return {}


def norm(x, weight):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * weight


def turned(x, cos, sin):
    half = x.shape[-1] // 2
    return x * cos + torch.cat([-x[..., half:], x[..., :half]], -1) * sin


def decoder(ids, start, mask, cache):
    """Last hidden states of `ids` [B, n] at positions start...; `cache` is a list of preallocated keys and values, or None."""
    spec, w = state["spec"], state["weights"]
    b, n = ids.shape
    heads, kv, hd = spec["heads"], spec["kvHeads"], spec["headDim"]
    group = heads // kv
    cos, sin = state["cos"][start : start + n], state["sin"][start : start + n]
    x = F.embedding(ids, w["model.embed_tokens.weight"])
    for i in range(spec["layers"]):
        p = f"model.layers.{i}."
        h = norm(x, w[p + "input_layernorm.weight"])
        proj = lambda name: F.linear(h, w[p + f"self_attn.{name}.weight"], w[p + f"self_attn.{name}.bias"])
        q = turned(proj("q_proj").view(b, n, heads, hd).transpose(1, 2), cos, sin)
        k = turned(proj("k_proj").view(b, n, kv, hd).transpose(1, 2), cos, sin)
        v = proj("v_proj").view(b, n, kv, hd).transpose(1, 2)
        if cache is not None:
            keys, values = cache[i]
            keys[:, :, start : start + n] = k
            values[:, :, start : start + n] = v
            k, v = keys[:, :, : start + n], values[:, :, : start + n]
        # the query heads of one key head as rows of one product: no copy of keys and values
        q = q.reshape(b, kv, group * n, hd)
        scores = q @ k.transpose(-1, -2) * hd**-0.5
        if mask is not None:
            scores = scores + mask
        mixed = (scores.softmax(-1) @ v).view(b, heads, n, hd).transpose(1, 2).reshape(b, n, heads * hd)
        x = x + F.linear(mixed, w[p + "self_attn.o_proj.weight"])
        h = norm(x, w[p + "post_attention_layernorm.weight"])
        gate = F.silu(F.linear(h, w[p + "mlp.gate_proj.weight"])) * F.linear(h, w[p + "mlp.up_proj.weight"])
        x = x + F.linear(gate, w[p + "mlp.down_proj.weight"])
    return norm(x, w["model.norm.weight"])


def head():
    w = state["weights"]
    return w.get("lm_head.weight", w["model.embed_tokens.weight"])


def train():
    spec, tokens = state["spec"], state["tokens"]
    n = spec["length"] + 1
    group = spec["heads"] // spec["kvHeads"]
    mask = torch.full((n, n), -1e9).triu(1).repeat(group, 1)
    hidden = decoder(tokens[:, :-1], 0, mask, None)[:, 1:]
    logits = F.linear(hidden, head())
    loss = F.cross_entropy(logits.reshape(-1, logits.shape[-1]), tokens[:, 2:].reshape(-1))
    state["adam"].zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(state["weights"].values(), 1.0)
    state["adam"].step()
    return loss.item()


@torch.no_grad()
def sample(sequences, count):
    spec = state["spec"]
    cache = [
        [torch.zeros(sequences, spec["kvHeads"], count + 2, spec["headDim"]) for _ in range(2)]
        for _ in range(spec["layers"])
    ]
    ids = state["tokens"][torch.arange(sequences) % spec["sequences"], :2]
    decoder(ids[:, :1], 0, None, cache)
    token, drawn = ids[:, 1:2], 0
    for i in range(count):
        logits = F.linear(decoder(token, i + 1, None, cache)[:, 0], head())
        scores = logits.log_softmax(-1)
        token = torch.multinomial(scores.exp(), 1)
        scores.gather(1, token)
        drawn += sequences
    return drawn


def timed(work, *args):
    wall, cpu = time.perf_counter(), time.process_time()
    value = work(*args)
    return {"ms": (time.perf_counter() - wall) * 1e3, "cpu": (time.process_time() - cpu) * 1e3, "value": value}


print(json.dumps({"description": f"PyTorch {torch.__version__}, {torch.get_num_threads()} thread"}), flush=True)
for line in sys.stdin:
    ask = json.loads(line)
    if ask["do"] == "load":
        answer = load(ask["folder"])
    elif ask["do"] == "train":
        answer = timed(train)
    else:
        answer = timed(sample, ask["sequences"], ask["tokens"])
    print(json.dumps(answer), flush=True)
