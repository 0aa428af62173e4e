"""Qwen2.5-VL in PyTorch, as `gpu/torch.ts` writes it: one precision a process, on CUDA where it is there.

    python torch_policy.py float32|bfloat16

Reads one JSON message a line, answers with one. `load` names a folder with model.json, weights.f32 and batch.i32, batch.f32. Times are taken
here around work that the device has finished. A prompt is computed once for all of its completions, as on the other side.

bfloat16: parameters and AdamW in float32, products under autocast; sampling with bfloat16 parameters.
"""

import json
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

PRECISION = sys.argv[1]
CUDA = torch.cuda.is_available()
DEVICE = "cuda" if CUDA else "cpu"
BF16 = PRECISION == "bfloat16"
state = {}


def say(answer):
    print(json.dumps(answer), flush=True)


def wait():
    if CUDA:
        torch.cuda.synchronize()


def load(folder):
    spec = json.load(open(f"{folder}/model.json"))
    weights, at = {}, 0
    flat = np.memmap(f"{folder}/weights.f32", dtype="<f4", mode="r")
    for name, shape in spec["weights"]:
        size = int(np.prod(shape))
        part = torch.from_numpy(np.array(flat[at : at + size]).reshape(shape))
        weights[name] = part.to(DEVICE).requires_grad_(spec["training"])
        at += size
    arrays = {}
    for kind, dtype in (("i32", "<i4"), ("f32", "<f4")):
        values = np.fromfile(f"{folder}/batch.{kind}", dtype=dtype)
        at = 0
        for name, shape in spec["arrays"][kind]:
            size = int(np.prod(shape))
            part = torch.from_numpy(values[at : at + size].reshape(shape).copy())
            arrays[name] = (part.long() if kind == "i32" else part).to(DEVICE)
            at += size
    state.clear()
    state.update(spec=spec, weights=weights, arrays=arrays)
    if spec["training"]:
        state["adam"] = torch.optim.AdamW(
            weights.values(), lr=spec["learningRate"], weight_decay=0.0, **({"fused": True} if CUDA else {})
        )
    else:
        cast = torch.bfloat16 if BF16 else torch.float32
        state["weights"] = {name: weight.detach().to(cast) for name, weight in weights.items()}
    return {}


def norm(x, weight):
    y = x.float()
    return (y * torch.rsqrt(y.pow(2).mean(-1, keepdim=True) + 1e-6)).to(x.dtype) * weight


def turned(x, cos, sin):
    half = x.shape[-1] // 2
    return (x * cos + torch.cat([-x[..., half:], x[..., :half]], -1) * sin).to(x.dtype)


def text_tables(positions):
    """[3, B, n] -> cosines and sines [B, 1, n, hd]; each pair of numbers turns with one of the axes."""
    spec = state["spec"]
    half = spec["headDim"] // 2
    inverse = 1.0 / spec["theta"] ** (torch.arange(half, device=DEVICE).float() * 2 / spec["headDim"])
    angles = positions[..., None].float() * inverse
    sections = angles.split(spec["section"], dim=-1)
    mixed = torch.cat([part[axis] for axis, part in enumerate(sections)], -1)
    angles = torch.cat([mixed, mixed], -1)[:, None]
    return angles.cos(), angles.sin()


def vision(pixels):
    """[P, patches, pixels of a patch] -> [P, tokens, d], tokens in raster order; patches of a token lie together, as in the weights' layout."""
    v, w = state["spec"]["vision"], state["weights"]
    pictures, patches, _ = pixels.shape
    tokens = round((patches // 4) ** 0.5)  # along one edge of a picture
    edge = v["windowSize"] // v["patchSize"] // 2  # tokens along one edge of a window
    places = torch.arange(tokens * tokens, device=DEVICE).view(tokens // edge, edge, tokens // edge, edge)
    windows = places.permute(0, 2, 1, 3).reshape(-1)  # raster places in window order
    x = pixels.view(pictures, tokens * tokens, 4, -1)[:, windows]
    rows = (windows // tokens * 2)[:, None] + torch.tensor([0, 0, 1, 1], device=DEVICE)
    columns = (windows % tokens * 2)[:, None] + torch.tensor([0, 1, 0, 1], device=DEVICE)
    hd, heads, d = v["headDim"], v["heads"], v["hiddenSize"]
    quarter = hd // 4
    inverse = 1.0 / 10000 ** (torch.arange(quarter, device=DEVICE).float() * 2 / (hd // 2))
    half = torch.cat([rows.reshape(-1, 1) * inverse, columns.reshape(-1, 1) * inverse], -1)
    angles = torch.cat([half, half], -1)
    x = F.linear(x.reshape(pictures, patches, -1), w["visual.patch_embed.proj.weight"].flatten(1))
    for i in range(v["depth"]):
        p = f"visual.blocks.{i}."
        run = patches if i in v["fullAttentionBlocks"] else edge * edge * 4
        h = norm(x, w[p + "norm1.weight"])
        qkv = F.linear(h, w[p + "attn.qkv.weight"], w[p + "attn.qkv.bias"])
        q, k, values = qkv.view(pictures * patches // run, run, 3, heads, hd).permute(2, 0, 3, 1, 4)
        cos, sin = (t.view(-1, 1, run, hd).repeat(pictures, 1, 1, 1) for t in (angles.cos(), angles.sin()))
        mixed = F.scaled_dot_product_attention(turned(q, cos, sin), turned(k, cos, sin), values)
        mixed = mixed.transpose(1, 2).reshape(pictures, patches, d)
        x = x + F.linear(mixed, w[p + "attn.proj.weight"], w[p + "attn.proj.bias"])
        h = norm(x, w[p + "norm2.weight"])
        gate = F.silu(F.linear(h, w[p + "mlp.gate_proj.weight"], w[p + "mlp.gate_proj.bias"]))
        up = F.linear(h, w[p + "mlp.up_proj.weight"], w[p + "mlp.up_proj.bias"])
        x = x + F.linear(gate * up, w[p + "mlp.down_proj.weight"], w[p + "mlp.down_proj.bias"])
    x = norm(x, w["visual.merger.ln_q.weight"]).reshape(pictures, tokens * tokens, 4 * d)
    x = F.gelu(F.linear(x, w["visual.merger.mlp.0.weight"], w["visual.merger.mlp.0.bias"]))
    x = F.linear(x, w["visual.merger.mlp.2.weight"], w["visual.merger.mlp.2.bias"])
    return x[:, windows.argsort()]


def layer(i, parts):
    """One decoder layer of several sets of rows whose linears are one product: parts of (x [B, n, d], tables, attend(q, k, v))."""
    spec, w = state["spec"], state["weights"]
    heads, kv, hd = spec["heads"], spec["kvHeads"], spec["headDim"]
    p = f"model.layers.{i}."
    shapes = [x.shape for x, _, _ in parts]
    x = torch.cat([x.reshape(-1, x.shape[-1]) for x, _, _ in parts])
    h = norm(x, w[p + "input_layernorm.weight"])
    qkv = [
        F.linear(h, w[p + f"self_attn.{name}.weight"], w[p + f"self_attn.{name}.bias"])
        for name in ("q_proj", "k_proj", "v_proj")
    ]
    mixed, at = [], 0
    for (b, n, _), (_, (cos, sin), attend) in zip(shapes, parts):
        q, k, v = (y[at : at + b * n].view(b, n, -1, hd).transpose(1, 2) for y in qkv)
        out = attend(turned(q, cos, sin), turned(k, cos, sin), v)
        mixed.append(out.transpose(1, 2).reshape(b * n, heads * hd))
        at += b * n
    x = x + F.linear(torch.cat(mixed), w[p + "self_attn.o_proj.weight"])
    h = norm(x, w[p + "post_attention_layernorm.weight"])
    gate = F.silu(F.linear(h, w[p + "mlp.gate_proj.weight"])) * F.linear(h, w[p + "mlp.up_proj.weight"])
    x = x + F.linear(gate, w[p + "mlp.down_proj.weight"])
    return [y.view(shape) for y, shape in zip(x.split([b * n for b, n, _ in shapes]), shapes)]


def grouped(k):
    """Key heads once for each of their query heads: [B, KV, n, hd] -> [B, H, n, hd]."""
    return k.repeat_interleave(state["spec"]["heads"] // state["spec"]["kvHeads"], 1)


def embedded_prompts(ids, pixels):
    spec, w = state["spec"], state["weights"]
    x = F.embedding(ids, w["model.embed_tokens.weight"])
    seen = vision(pixels.to(x.dtype)).to(x.dtype)
    return torch.cat([x[:, :1], seen, x[:, 1 + seen.shape[1] :]], 1)


def head():
    w = state["weights"]
    return w["model.embed_tokens.weight"] if state["spec"]["tied"] else w["lm_head.weight"]


def scores():
    """ln p and entropy of every completion token, [P * G, n] each."""
    spec, a, w = state["spec"], state["arrays"], state["weights"]
    G = spec["rollouts"]
    # the prompt's last token opens each completion
    prompt = embedded_prompts(a["prompts"], a["pixels"])[:, :-1]
    inputs = torch.cat([a["prompts"][:, -1:].repeat_interleave(G, 0), a["completions"][:, :-1]], 1)
    own = F.embedding(inputs, w["model.embed_tokens.weight"])
    P, n = prompt.shape[1], own.shape[1]
    mask = torch.ones(n, P + n, dtype=torch.bool, device=DEVICE).tril(P)
    prompt_tables, own_tables = text_tables(a["promptPositions"]), text_tables(a["completionPositions"])
    for i in range(spec["layers"]):
        kept = {}

        def of_prompt(q, k, v):
            kept["k"], kept["v"] = k, v
            return F.scaled_dot_product_attention(q, grouped(k), grouped(v), is_causal=True)

        def of_completion(q, k, v):
            k = torch.cat([kept["k"].repeat_interleave(G, 0), k], 2)
            v = torch.cat([kept["v"].repeat_interleave(G, 0), v], 2)
            return F.scaled_dot_product_attention(q, grouped(k), grouped(v), attn_mask=mask)

        prompt, own = layer(i, [(prompt, prompt_tables, of_prompt), (own, own_tables, of_completion)])
    logits = F.linear(norm(own, w["model.norm.weight"]), head()).float()
    logs = logits.log_softmax(-1)
    entropy = -(logs.detach().exp() * logs.detach()).sum(-1)
    return logs.gather(-1, a["completions"][..., None])[..., 0], entropy


def train():
    a = state["arrays"]
    with torch.autocast(DEVICE, torch.bfloat16, enabled=BF16):
        logprob, entropy = scores()
        # the policy's ratio to itself: 1, with the gradient of ln p
        loss = -(a["advantages"][:, None] * (logprob - logprob.detach()).exp()).mean()
    state["adam"].zero_grad(set_to_none=True)
    loss.backward()
    total = torch.nn.utils.clip_grad_norm_(state["weights"].values(), 1.0)
    state["adam"].step()
    return {"nll": -logprob.mean().item(), "entropy": entropy.mean().item(), "gradNorm": total.item()}


@torch.no_grad()
def sample(prompts, tokens):
    spec, a, w = state["spec"], state["arrays"], state["weights"]
    G = spec["rollouts"]
    # as many different prompts as there are, then the same again
    some = torch.arange(prompts, device=DEVICE) % a["prompts"].shape[0]
    x = embedded_prompts(a["prompts"][some], a["pixels"][some])[:, :-1]
    P, rows = x.shape[1], prompts * G
    tables = text_tables(a["promptPositions"][:, some])
    cache = []
    for i in range(spec["layers"]):

        def of_prompt(q, k, v):
            room = [torch.zeros(rows, k.shape[1], P + tokens, k.shape[3], dtype=k.dtype, device=DEVICE) for _ in "kv"]
            for kept, fresh in zip(room, (k, v)):
                kept[:, :, :P] = fresh.repeat_interleave(G, 0)
            cache.append(room)
            return F.scaled_dot_product_attention(q, grouped(k), grouped(v), is_causal=True)

        (x,) = layer(i, [(x, tables, of_prompt)])
    token = a["prompts"][some][:, -1:].repeat_interleave(G, 0)
    positions = a["samplePositions"][:, some].repeat_interleave(G, 1)
    for t in range(tokens):
        y = F.embedding(token, w["model.embed_tokens.weight"])
        tables = text_tables(positions[:, :, t : t + 1])
        for i in range(spec["layers"]):

            def of_token(q, k, v):
                for kept, fresh in zip(cache[i], (k, v)):
                    kept[:, :, P + t : P + t + 1] = fresh
                keys, values = (kept[:, :, : P + t + 1] for kept in cache[i])
                return F.scaled_dot_product_attention(q, grouped(keys), grouped(values))

            (y,) = layer(i, [(y, tables, of_token)])
        logs = F.linear(norm(y[:, 0], w["model.norm.weight"]), head()).float().log_softmax(-1)
        token = torch.multinomial(logs.exp(), 1)
        logs.gather(1, token)
    return rows * tokens


def timed(work, *args):
    wait()
    began = time.perf_counter()
    value = work(*args)
    wait()
    return {"ms": (time.perf_counter() - began) * 1e3, "value": value}


def answer(ask):
    if ask["do"] == "load":
        return load(ask["folder"])
    if ask["do"] == "train":
        return timed(train)
    return timed(sample, ask["prompts"], ask["tokens"])


where = torch.cuda.get_device_name() if CUDA else f"CPU, {torch.get_num_threads()} threads"
if not hasattr(F, "scaled_dot_product_attention"):
    say({"reason": f"PyTorch {torch.__version__} has no scaled_dot_product_attention; take 2.0 or newer"})
    sys.exit(0)
say({"description": f"PyTorch {torch.__version__}, {PRECISION}, {where}"})
for line in sys.stdin:
    try:
        say(answer(json.loads(line)))
    except torch.cuda.OutOfMemoryError as error:
        say({"failed": f"PyTorch is out of memory: {str(error).splitlines()[0]}"})
