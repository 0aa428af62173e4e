"""Pairs of LaTeX answers and whether they are equal, judged by sympy (exactly, in the algebraic numbers and pi).

python answer_pairs.py > answer_pairs.json      # sympy 1.14.0
"""
import json
import random

import sympy as sp

rng = random.Random(20260221)


def integer():
    return rng.choice([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 18, 20, 24, 27, 32, 45, 50, 72, 98])


def atom():
    """(LaTeX, value) of one factor, written in one of several ways."""
    n, m = integer(), integer()
    kind = rng.randrange(9)
    if kind == 0:
        return str(n), sp.Integer(n)
    if kind == 1:
        command = rng.choice(["\\frac", "\\dfrac", "\\tfrac"])
        return f"{command}{{{n}}}{{{m}}}", sp.Rational(n, m)
    if kind == 2:
        return f"\\sqrt{{{n}}}", sp.sqrt(n)
    if kind == 3:
        return f"{n}\\sqrt{{{m}}}", n * sp.sqrt(m)
    if kind == 4:
        return f"\\frac{{{n}\\sqrt{{{m}}}}}{{{m}}}", n * sp.sqrt(m) / m
    if kind == 5:
        return f"\\frac{{{n}}}{{\\sqrt{{{m}}}}}", n / sp.sqrt(m)
    if kind == 6:
        tenths = rng.randrange(1, 200)
        return f"{tenths / 10}", sp.Rational(tenths, 10)
    if kind == 7:
        return f"{n}\\pi", n * sp.pi
    return f"{n}^{{2}}", sp.Integer(n) ** 2


def expression():
    text, value = atom()
    kind = rng.randrange(5)
    if kind < 2:
        return text, value
    other, right = atom()
    if kind == 2:
        return f"{text} + {other}", value + right
    if kind == 3:
        return f"{text}-{other}", value - right
    return f"({text})\\cdot({other})", value * right


def rewritten(value):
    """The value as sympy writes it, some other way, or as one fraction under one root."""
    kind = rng.randrange(3)
    if kind == 0:
        return sp.latex(value)
    if kind == 1:
        return sp.latex(sp.nsimplify(value) / 3) + " \\cdot 3" if value.is_Rational else sp.latex(value)
    square = sp.nsimplify(value**2)
    if value.is_positive and square.is_Rational:
        return f"\\frac{{\\sqrt{{{square.p * square.q}}}}}{{{square.q}}}"
    return sp.latex(value)


pairs = []
while len(pairs) < 400:
    a, x = expression()
    if len(pairs) % 2 == 0:
        b, y = rewritten(x), x
    else:
        b, y = expression()
        if rng.random() < 0.5:  # a near miss
            b, y = rewritten(x + rng.choice([1, -1])), x + 1
            y = None
    if "\\left" not in b and "frac{\\frac" not in b and "**" not in b and len(a) < 80 and len(b) < 80:
        if y is None:
            pairs.append([a, b, False])
        else:
            pairs.append([a, b, bool(sp.simplify(x - y) == 0)])

print(
    json.dumps(
        {
            "source": f"sympy {sp.__version__}, answer_pairs.py: are the two expressions the same number?",
            "pairs": pairs,
        },
        indent=0,
    )
)
