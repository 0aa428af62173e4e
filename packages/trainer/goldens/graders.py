"""Pairs of answers and what MathRuler and Math-Verify say of them, each with the gold answer second.

python graders.py > graders.json      # mathruler 0.1.0, pylatexenc 2.11, math-verify 0.9.0, latex2sympy2_extended 1.11.0, sympy 1.14.0
"""
import json
import random
import sys

from math_verify import parse, verify
from mathruler.grader import grade_answer

GIVEN = [
    # numbers
    ("4", "4"), ("4.0", "4"), ("04", "4"), ("+4", "4"), ("-4", "4"), ("4", "-4"), ("- 4", "-4"), ("4.", "4"), ("1,234", "1234"), ("1,234,567", "1234567"),
    ("12,34", "1234"), ("1e3", "1000"), ("0.5", "\\frac{1}{2}"), ("\\frac{1}{2}", "0.5"), (".5", "0.5"), ("0.25", "\\frac{1}{4}"), ("0.333", "\\frac{1}{3}"),
    ("0.333333", "\\frac{1}{3}"), ("3.14", "\\pi"), ("3.14159265358979", "\\pi"), ("2.0000001", "2"), ("2.00000001", "2"), ("1.41421356", "\\sqrt{2}"),
    ("10^6", "1000000"), ("3 million", "3000000"), ("2^3", "8"), ("8", "2^3"), ("2^{10}", "1024"), ("1024", "2^{10}"), ("5!", "120"),
    # fractions and mixed numbers
    ("\\dfrac{1}{2}", "\\frac{1}{2}"), ("\\frac12", "\\frac{1}{2}"), ("1/2", "\\frac{1}{2}"), ("2/4", "1/2"), ("\\frac{2}{4}", "\\frac{1}{2}"), ("-\\frac{1}{2}", "-1/2"),
    ("\\frac{-1}{2}", "-\\frac{1}{2}"), ("8/2", "4"), ("4", "8/2"), ("3\\frac{1}{2}", "\\frac{7}{2}"), ("3 1/2", "7/2"), ("7/2", "3\\frac{1}{2}"), ("3\\frac{1}{2}", "3.5"),
    ("\\frac{1}{3}", "\\frac{1}{4}"), ("\\frac{3}{1}", "3"), ("\\tfrac{3}{4}", "3/4"), ("\\frac{10}{3}", "3\\frac{1}{3}"),
    # roots and pi
    ("\\sqrt{8}", "2\\sqrt{2}"), ("2\\sqrt{2}", "\\sqrt{8}"), ("2\\sqrt2", "2\\sqrt{2}"), ("\\sqrt{4}", "2"), ("\\frac{\\sqrt{3}}{3}", "\\frac{1}{\\sqrt{3}}"),
    ("\\frac{\\sqrt{2}}{2}", "\\frac{1}{\\sqrt{2}}"), ("12\\pi", "12 \\pi"), ("\\pi \\cdot 12", "12\\pi"), ("36", "36\\pi"), ("\\frac{4\\pi}{3}", "\\frac{4}{3}\\pi"),
    ("2\\sqrt{221}", "29.73"), ("2\\sqrt{221}", "29.732137494637012"), ("5\\sqrt{3}", "5\\sqrt{2}"), ("\\sqrt{x^2}", "x"), ("10\\sqrt{3}", "\\sqrt{300}"),
    # units, degrees, percent, money
    ("30^\\circ", "30"), ("30^{\\circ}", "30"), ("30", "30^\\circ"), ("30 degrees", "30"), ("30°", "30"), ("5 cm", "5"), ("5\\text{ cm}", "5"), ("5\\text{cm}", "5"),
    ("5\\,\\text{cm}", "5"), ("5 \\mathrm{cm}^2", "5"), ("10 meters", "10"), ("50\\%", "50"), ("50%", "0.5"), ("50\\%", "\\frac{1}{2}"), ("\\$5", "5"), ("$5$", "5"),
    ("5 inches", "5"), ("12 square units", "12"), ("7 days", "7"), ("9\\%", "9"), ("0.09", "9\\%"),
    # algebra
    ("x+1", "1+x"), ("2x", "x\\cdot 2"), ("x(x+1)", "x^2+x"), ("(x+1)^2", "x^2+2x+1"), ("x^2-1", "(x-1)(x+1)"), ("x+y", "y+x"), ("x-y", "y-x"), ("\\frac{x}{2}", "0.5x"),
    ("\\frac{x+1}{2}", "\\frac{1}{2}x+\\frac{1}{2}"), ("a+b", "a+c"), ("2a+b", "b+2a"), ("x^3", "x^2"), ("\\frac{1}{x+1}", "\\frac{1}{1+x}"), ("xy", "yx"),
    ("\\sin(x)", "\\sin x"), ("\\sin^2 x+\\cos^2 x", "1"), ("\\ln 8", "3\\ln 2"), ("\\log_2 8", "3"), ("\\log_{10} 100", "2"), ("\\sqrt[3]{8}", "2"), ("\\sqrt[3]{2}", "\\sqrt{2}"),
    ("e^{x+y}", "e^x e^y"), ("\\tan x", "\\frac{\\sin x}{\\cos x}"), ("|x|", "|{-x}|"), ("x^{2}", "x^2"), ("\\theta", "\\theta"), ("\\alpha+\\beta", "\\beta+\\alpha"),
    # equations and relations
    ("x=4", "4"), ("4", "x=4"), ("x = 4", "x=4"), ("y=4", "x=4"), ("y=2x+1", "2x+1"), ("y=2x+1", "y=1+2x"), ("2x+y=1", "1=y+2x"), ("2x+2y=2", "x+y=1"), ("x+y=2", "x+y=1"),
    ("x<3", "x<3"), ("3>x", "x<3"), ("x\\le 3", "3\\ge x"), ("x\\leq3", "x<3"), ("-2<x<3", "(-2,3)"), ("(-2,3)", "-2<x<3"), ("x>1", "(1,\\infty)"), ("(1,\\infty)", "x>1"),
    ("1=1", "1"), ("AB=5", "5"), ("x=1,x=2", "1,2"), ("x=1 \\text{ or } x=2", "1,2"), ("m\\angle A=40", "40"),
    # tuples, sets, intervals
    ("(1,2)", "(1,2)"), ("(1, 2)", "(1,2)"), ("(2,1)", "(1,2)"), ("[1,2]", "(1,2)"), ("(1,2]", "(1,2]"), ("\\left(1,2\\right)", "(1,2)"), ("(0.5,2)", "(\\frac{1}{2},2)"),
    ("(1,2,3)", "(1,2)"), ("\\{1,2\\}", "\\{2,1\\}"), ("\\{1,2\\}", "\\{1,3\\}"), ("1,2", "2,1"), ("1,2", "1,2"), ("1, 2, 3", "3, 2, 1"), ("1 and 2", "1,2"), ("1,2", "(1,2)"),
    ("\\{1,2,2\\}", "\\{1,2\\}"), ("(-\\infty,3)", "(-\\infty,3)"), ("(-\\infty, 2) \\cup (3, \\infty)", "(3,\\infty)\\cup(-\\infty,2)"), ("[0,1]\\cup[2,3]", "[0,1]\\cup[2,4]"),
    ("\\emptyset", "\\varnothing"), ("\\pm 2", "2,-2"), ("(\\sqrt{4},1)", "(2,1)"), ("(1/2,3)", "(2/4,3)"), ("\\begin{pmatrix}1\\\\2\\end{pmatrix}", "\\begin{pmatrix}1\\\\2\\end{pmatrix}"),
    ("\\begin{pmatrix}1&0\\\\0&1\\end{pmatrix}", "\\begin{pmatrix}1&0\\\\0&2\\end{pmatrix}"), ("(x+1, 2)", "(1+x, 2)"),
    # words
    ("\\text{A}", "A"), ("A", "A"), ("a", "A"), ("B", "A"), ("\\text{yes}", "yes"), ("Yes", "yes"), ("Parallel", "parallel"), ("\\text{(B)}", "B"), ("(B)", "B"), ("left", "right"),
    ("\\angle ABC", "\\angle ABC"), ("ABC", "\\triangle ABC"), ("\\text{no solution}", "no solution"), ("", "4"), ("x", "4"), ("abc", "5"),
    # not expressions
    ("4+", "4"), ("\\frac{1}{", "1"), ("1/0", "0"), ("{4", "4"), ("4}", "4"), ("\\frac", "1"), ("\\sqrt", "1"), ("((((", "1"), ("2^3^2", "512"), ("--4", "4"),
]


def random_pairs():
    """Numbers of Geometry3K's kind, written in two ways each, equal and not."""
    rng = random.Random(20261122)

    def written(n, m):
        return rng.choice([
            (f"{n}", n), (f"{n}.0", n), (f"{n}\\sqrt{{{m}}}", (n, m)), (f"{n} \\sqrt {m}", (n, m)), (f"\\frac{{{n}}}{{{m}}}", n / m), (f"{n}/{m}", n / m), (f"\\dfrac{{{n}}}{{{m}}}", n / m),
            (f"{n}\\pi", n), (f"{n}^\\circ", n), (f"{n} cm", n), (f"{n/10}", n / 10), (f"\\sqrt{{{n * n * m}}}", (n, m)), (f"x={n}", n), (f"({n},{m})", 0), (f"( {n} , {m} )", 0),
        ])[0]

    for _ in range(240):
        n, m = rng.randrange(2, 13), rng.choice([2, 3, 5, 7])
        change = rng.random() < 0.3
        yield written(n, m), written(n + (1 if change else 0), m)


def math_verify(answer, gold):
    return bool(verify(parse(f"\\boxed{{{gold}}}", parsing_timeout=None), parse(f"\\boxed{{{answer}}}", parsing_timeout=None), timeout_seconds=None))


pairs = [*GIVEN, *random_pairs()]
json.dump(
    {
        "origin": "mathruler 0.1.0 (pylatexenc 2.11), math-verify 0.9.0 (latex2sympy2_extended 1.11.0), sympy 1.14.0",
        "pairs": [[a, g, bool(grade_answer(a, g)), math_verify(a, g)] for a, g in pairs],
    },
    sys.stdout,
    indent=0,
)
