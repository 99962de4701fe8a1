#!/usr/bin/env python3
"""The golden numbers of the criteria, from the formulas of docs/methods.md (Losses) alone.

golden.py           prints golden.h, which the tests of the criteria include
golden.py --check   prints every number beside docs/methods.md's (Golden numbers), and fails (exit
                    code 1) when one differs or golden.h, beside this file, is not what this prints
"""
import math
import pathlib
import sys

STUDENT = [[1.0, 2.0, 3.0], [0.5, -1.0, 0.0]]
TEACHER = [[2.0, 1.0, 0.0], [0.0, 0.0, 3.0]]
LABELS = [2, 0]
B = len(STUDENT)
C = len(STUDENT[0])

# As docs/methods.md, Golden numbers, writes them, to six decimals.
PUBLISHED = {
    "CE": "0.505868",
    "T=1 KL of sample 1": "1.150421",
    "T=1 KL of sample 2": "0.760176",
    "T=1 T^2 KL batchmean": "0.955298",
    "T=1 T^2 KL elementmean": "0.318433",
    "T=1 SoftCE batchmean": "1.554793",
    "T=1 gradient [0][0]": "-0.287605",
    "T=1 gradient [0][1]": "0.000000",
    "T=1 gradient [0][2]": "0.287605",
    "T=4 KL of sample 1": "0.082477",
    "T=4 KL of sample 2": "0.069717",
    "T=4 T^2 KL batchmean": "1.217550",
    "T=4 T^2 KL elementmean": "0.405850",
    "T=4 SoftCE batchmean": "1.129881",
    "T=4 gradient [0][0]": "-0.329907",
    "T=4 gradient [0][1]": "0.000000",
    "T=4 gradient [0][2]": "0.329907",
}


def softmax(logits, t):
    """sigma(z;T) = softmax(z/T)"""
    powers = [math.exp(z / t) for z in logits]
    return [power / math.fsum(powers) for power in powers]


def cross_entropy(labels, logits):
    """-1/B sum_b log sigma(z_b;1)[y_b]"""
    return -math.fsum(math.log(softmax(z, 1)[y]) for y, z in zip(labels, logits)) / B


def kl(teacher, student, t):
    """Of one sample: sum_c p_t (log p_t - log p_s)"""
    p_t, p_s = softmax(teacher, t), softmax(student, t)
    return math.fsum(a * (math.log(a) - math.log(b)) for a, b in zip(p_t, p_s))


def soft_ce(teacher, student, t):
    """Of one sample: -sum_c p_t log p_s"""
    p_t, p_s = softmax(teacher, t), softmax(student, t)
    return -math.fsum(a * math.log(b) for a, b in zip(p_t, p_s))


def gradient(t):
    """d[T^2 KL_T]/dz_s = (T/B) (p_s - p_t)"""
    return [
        [t / B * (b - a) for a, b in zip(softmax(teacher, t), softmax(student, t))]
        for teacher, student in zip(TEACHER, STUDENT)
    ]


def slopes(t, step=1e-5):
    """The same by central differences of T^2 KL_T itself."""

    def loss(sample, place, shift):
        moved = list(STUDENT[sample])
        moved[place] += shift
        return t**2 * kl(TEACHER[sample], moved, t) / B

    return [
        [(loss(b, c, step) - loss(b, c, -step)) / (2 * step) for c in range(C)] for b in range(B)
    ]


def all_numbers():
    numbers = {"CE": cross_entropy(LABELS, STUDENT)}
    for t in (1, 4):
        pairs = list(zip(TEACHER, STUDENT))
        kls = [kl(teacher, student, t) for teacher, student in pairs]
        name = f"T={t} "
        numbers[name + "KL of sample 1"], numbers[name + "KL of sample 2"] = kls
        numbers[name + "T^2 KL batchmean"] = t**2 * math.fsum(kls) / B
        numbers[name + "T^2 KL elementmean"] = t**2 * math.fsum(kls) / B / C
        numbers[name + "SoftCE batchmean"] = math.fsum(soft_ce(*pair, t) for pair in pairs) / B
        for c, value in enumerate(gradient(t)[0]):
            numbers[name + f"gradient [0][{c}]"] = value
    return numbers


def written(value, decimals=12):
    """Few enough decimals that no mathematical library rounds them differently; no -0."""
    text = f"{value:.{decimals}f}"
    return text.lstrip("-") if float(text) == 0 else text


def braces(rows, text=written):
    return "{" + ", ".join(braces(r, text) if isinstance(r, list) else text(r) for r in rows) + "}"


def header():
    numbers = all_numbers()
    lines = [
        "// Made by golden.py beside this file; change that, not this.",
        "#pragma once",
        "",
        "// clang-format off",
        "namespace concertina::golden {",
        "",
        f"constexpr double kStudent[{B}][{C}] = {braces(STUDENT, str)};",
        f"constexpr double kTeacher[{B}][{C}] = {braces(TEACHER, str)};",
        f"constexpr int kLabels[{B}] = {braces(LABELS, str)};",
        f"constexpr double kCrossEntropy = {written(numbers['CE'])};",
        "",
        "struct Distillation {",
        "  double temperature;",
        f"  double kl[{B}];  // of each sample",
        "  double kl_batchmean, kl_elementmean;  // times T^2",
        "  double soft_ce_batchmean;",
        f"  double gradient[{B}][{C}];  // of T^2 KL batchmean in the student's logits",
        "};",
        "constexpr Distillation kDistillations[] = {",
    ]
    for t in (1, 4):
        name = f"T={t} "
        row = [[numbers[name + "KL of sample 1"], numbers[name + "KL of sample 2"]]]
        row += [numbers[name + "T^2 KL batchmean"], numbers[name + "T^2 KL elementmean"]]
        row += [numbers[name + "SoftCE batchmean"], *gradient(t)]
        parts = [str(t)] + [braces([part])[1:-1] for part in row]
        parts[-2:] = ["{" + parts[-2], parts[-1] + "}"]
        lines.append("    {" + ",\n     ".join(parts) + "},")
    return "\n".join(lines + ["};", "", "}  // namespace concertina::golden", ""])


def check():
    wrong = 0
    for name, value in all_numbers().items():
        right = written(value, 6) == PUBLISHED[name]
        print(f"{'ok ' if right else 'NOT'} {name:24} {value:+.12f}, page {PUBLISHED[name]}")
        wrong += not right
    for t in (1, 4):
        pairs = zip(sum(gradient(t), []), sum(slopes(t), []))
        far = max(abs(formula - slope) for formula, slope in pairs)
        print(f"T={t} gradient: formula and slopes differ by at most {far:.1e}")
        wrong += far > 1e-9
    kept = pathlib.Path(__file__).with_name("golden.h").read_text(encoding="utf-8")
    print("golden.h is", "current" if kept == header() else "NOT what golden.py prints")
    return 1 if wrong or kept != header() else 0


if __name__ == "__main__":
    if sys.argv[1:] not in ([], ["--check"]):
        sys.exit(__doc__)
    if sys.argv[1:]:
        sys.exit(check())
    sys.stdout.write(header())
