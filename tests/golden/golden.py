#!/usr/bin/env python3
"""The golden numbers of the criteria, from the formulas of docs/methods.md alone (Losses, Losses of
logits, Losses of features, Combined targets).

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

TEACHER_FEATURES = [[1.0, 0.0, 2.0], [0.0, 1.0, 1.0], [3.0, 1.0, 0.0]]
STUDENT_FEATURES = [[1.0, 0.5], [0.2, 1.0], [2.0, 0.0]]
PAIRS = [[1.0, 0.0], [0.5, 2.0], [0.0, 1.0], [0.6, 0.2]]
PAIR_LABELS = [1, 1, 0, 2]
TEACHER_MAPS = [[[1.0, 2.0], [0.0, 1.0]], [[2.0, 0.0], [1.0, 3.0]]]  # [a, b][channel][place]
STUDENT_MAPS = [[[0.5, 1.0], [1.0, 1.0]], [[1.0, 0.0], [0.0, 2.0]]]
QUERIES = [[1.0, 0.0], [0.5, -1.0]]
KEYS = [[[0.5, 1.0], [1.0, 0.0]], [[-0.5, 0.0], [0.0, 1.0]]]  # of the members, TEACHER and STUDENT

# As docs/methods.md, Golden numbers, writes them.
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
    "OffsetKl": "1.2125201",
    "KlTwoTemperatures": "0.179186, 0.256284",
    "SmoothCe": "0.730270, 0.844782",
    "Mse": "11, 10.25",
    "Dkd": "0.308000, 0.277282",
    "AlphaDivergence": "1.291559, 1.091021",
    "AlphaGradient": "-0.310406, -0.632162, 0.942568, 0.993604, -0.059595, -0.934010",
    "Pkt": "0.002052411",
    "PktCosine": "0.004174581",
    "PktStudentT": "0.017391459",
    "PktCombined": "0.021566040",
    "NormalizedMse": "0.507303",
    "Gram": "7.3125",
    "Pair": "2.25",
    "MeanProbabilities": "-4.353633, -4.477352, -4.353633, -4.607845, -5.463260, -3.386956",
    "Attention": "1.731059, 1.268941, 0.806824, 0.091213, -0.182426, 2.452723",
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


def two_temperature_kl(teacher, student):
    """Of one sample: the teacher's temperature is 2, the student's 4"""
    p, q = softmax(teacher, 2), softmax(student, 4)
    return math.fsum(a * math.log(a / b) for a, b in zip(p, q))


def offset_kl(teacher, student, t=3, offset=1e-7):
    """Of one sample: sum_c (p + offset) (log(p + offset) - log q)"""
    p, q = softmax(teacher, t), softmax(student, t)
    return math.fsum((a + offset) * (math.log(a + offset) - math.log(b)) for a, b in zip(p, q))


def smooth_ce(label, logits, t=2, smoothing=0.1):
    """Of one sample: -sum_c ((1 - smoothing) [c = y] + smoothing / C) log q"""
    target = [(1 - smoothing) * (c == label) + smoothing / C for c in range(C)]
    return -math.fsum(a * math.log(b) for a, b in zip(target, softmax(logits, t)))


def mse(a, b):
    """Of one sample: sum_c (a_c - b_c)^2"""
    return math.fsum((x - y) ** 2 for x, y in zip(a, b))


def dkd(label, teacher, student, t=4, alpha=1, beta=8):
    """Of one sample: alpha KL((p_y, 1 - p_y), (q_y, 1 - q_y)) + beta KL(softmaxes without y)"""
    a, b = softmax(teacher, t)[label], softmax(student, t)[label]
    target = a * math.log(a / b) + (1 - a) * math.log((1 - a) / (1 - b))
    others = [[z for c, z in enumerate(row) if c != label] for row in (teacher, student)]
    return alpha * target + beta * kl(*others, t)


def alpha_divergence(teacher, student, alpha, clip):
    """Of one sample: (D_alpha, what the student's log q is weighted with), ratios as they are"""
    p, q = softmax(teacher, 1), softmax(student, 1)
    if alpha == 1:
        return math.fsum(a * math.log(a / b) for a, b in zip(p, q)), p
    powers = [min((a / b) ** alpha, clip) for a, b in zip(p, q)]
    value = math.fsum(b * (w - 1) for b, w in zip(q, powers)) / (alpha * (alpha - 1))
    return value, [b * (w / alpha + 1 / alpha / (alpha - 1)) for b, w in zip(q, powers)]


def adaptive_alpha(teacher, student, clip=5):
    """Of one sample: the larger D of alpha -1 and 1, and the gradient of -sum_c weight_c log q_c"""
    value, weights = max(alpha_divergence(teacher, student, alpha, clip) for alpha in (-1, 1))
    q = softmax(student, 1)
    return value, [b * math.fsum(weights) - w for b, w in zip(q, weights)]


def scaled(vector, eps):
    norm = math.sqrt(math.fsum(x * x for x in vector)) + eps
    return [x / norm for x in vector]


def cosines(features, eps):
    """S_ij = (cos(f_i, f_j) + 1) / 2, eps added to the norms"""
    unit = [scaled(f, eps) for f in features]
    return [[(math.fsum(x * y for x, y in zip(a, b)) + 1) / 2 for b in unit] for a in unit]


def student_ts(features):
    """S_ij = 1 / (1 + d_ij), d_ij = sqrt(|f_i - f_j|^2 + 1e-6)"""
    return [[1 / (1 + math.sqrt(mse(a, b) + 1e-6)) for b in features] for a in features]


def row_shares(s):
    return [x / math.fsum(row) for row in s for x in row]


def pkt(p, q, eps=1e-7):
    """mean_ij P log((P + eps) / (Q + eps))"""
    return math.fsum(a * math.log((a + eps) / (b + eps)) for a, b in zip(p, q)) / len(p)


def jeffreys(p, q):
    """mean_ij (P - Q) (ln P - ln Q)"""
    return math.fsum((a - b) * math.log(a / b) for a, b in zip(p, q)) / len(p)


def all_pkt():
    sets = (TEACHER_FEATURES, STUDENT_FEATURES)
    cosine = jeffreys(*(row_shares(cosines(f, 1e-6)) for f in sets))
    student_t = jeffreys(*(row_shares(student_ts(f)) for f in sets))
    return {
        "Pkt": pkt(*(row_shares(cosines(f, 1e-7)) for f in sets)),
        "PktCosine": cosine,
        "PktStudentT": student_t,
        "PktCombined": cosine + student_t,
    }


def cross_layer(maps):
    """G_ij = mean over places of a_i b_j, row by row"""
    return [math.fsum(x * y for x, y in zip(i, j)) / len(i) for i in maps[0] for j in maps[1]]


def pair_loss(margin=1.5):
    """Mean over the pairs of D^2 (same label) or max(0, margin - D)^2"""
    terms = []
    for k in range(0, len(PAIRS), 2):
        square = mse(PAIRS[k], PAIRS[k + 1])
        same = PAIR_LABELS[k] == PAIR_LABELS[k + 1]
        terms.append(square if same else max(0, margin - math.sqrt(square)) ** 2)
    return math.fsum(terms) / len(terms)


def mean_probabilities(rows, t=4):
    """Of one sample: t log(mean of the rows' softmaxes)"""
    shares = zip(*(softmax(z, t) for z in rows))
    return [t * math.log(math.fsum(share) / len(rows)) for share in shares]


def attention(query, keys, rows):
    """Of one sample: sum_m a_m z_m, a the softmax of the products of query and keys"""
    shares = softmax([math.fsum(x * y for x, y in zip(query, key)) for key in keys], 1)
    return [math.fsum(a * z for a, z in zip(shares, column)) for column in zip(*rows)]


def further_numbers():
    """By the name of their constant in golden.h, without the k"""
    pairs = list(zip(TEACHER, STUDENT))
    alphas = [adaptive_alpha(*pair) for pair in pairs]
    units = [mse(scaled(a, 0), scaled(b, 0)) for a, b in pairs]
    return {
        "OffsetKl": 9 * math.fsum(offset_kl(*pair) for pair in pairs) / B,
        "KlTwoTemperatures": [two_temperature_kl(*pair) for pair in pairs],
        "SmoothCe": [smooth_ce(y, z) for y, z in zip(LABELS, STUDENT)],
        "Mse": [mse(*pair) for pair in pairs],
        "Dkd": [dkd(y, *pair) for y, pair in zip(LABELS, pairs)],
        "AlphaDivergence": [value for value, _ in alphas],
        "AlphaGradient": [slope for _, slope in alphas],
        **all_pkt(),
        "NormalizedMse": math.fsum(units) / (B * C),
        "Gram": mse(cross_layer(TEACHER_MAPS), cross_layer(STUDENT_MAPS)),
        "Pair": pair_loss(),
        "MeanProbabilities": [mean_probabilities(pair) for pair in pairs],
        "Attention": [
            attention(query, keys, pair) for query, keys, pair in zip(QUERIES, zip(*KEYS), pairs)
        ],
    }


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
    return numbers | further_numbers()


def written(value, decimals=12):
    """Few enough decimals that no mathematical library rounds them differently; no -0."""
    text = f"{value:.{decimals}f}"
    return text.lstrip("-") if float(text) == 0 else text


def braces(rows, text=written):
    return "{" + ", ".join(braces(r, text) if isinstance(r, list) else text(r) for r in rows) + "}"


def constant(name, value, text=written):
    sizes, inner = "", value
    while isinstance(inner, list):
        sizes, inner = f"{sizes}[{len(inner)}]", inner[0]
    kind = "int" if isinstance(inner, int) else "double"
    return f"constexpr {kind} k{name}{sizes} = {braces(value, text) if sizes else text(value)};"


def further_constants():
    inputs = {
        "TeacherFeatures": TEACHER_FEATURES,
        "StudentFeatures": STUDENT_FEATURES,
        "Pairs": PAIRS,
        "PairLabels": PAIR_LABELS,
        "TeacherMaps": TEACHER_MAPS,
        "StudentMaps": STUDENT_MAPS,
        "Queries": QUERIES,
        "Keys": KEYS,
    }
    lines = [constant(name, value, str) for name, value in inputs.items()]
    return lines + [""] + [constant(*item) for item in further_numbers().items()]


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
    lines += ["};", "", *further_constants(), "", "}  // namespace concertina::golden", ""]
    return "\n".join(lines)


def flat(value):
    return sum(map(flat, value), []) if isinstance(value, list) else [value]


def as_published(value, text):
    """`value` with as many decimals as each number of `text` has"""
    decimals = [len(number.partition(".")[2]) for number in text.split(", ")]
    return ", ".join(written(x, places) for x, places in zip(flat(value), decimals, strict=True))


def alpha_slopes_differ_by(step=1e-5):
    """Where no ratio is clipped, the gradient is D's own: the most it differs from D's slopes."""
    worst = 0
    for teacher, student in zip(TEACHER, STUDENT):
        for c, value in enumerate(adaptive_alpha(teacher, student, clip=100)[1]):
            ends = []
            for shift in (step, -step):
                moved = list(student)
                moved[c] += shift
                ends.append(adaptive_alpha(teacher, moved, clip=100)[0])
            worst = max(worst, abs((ends[0] - ends[1]) / (2 * step) - value))
    return worst


def check():
    wrong = 0
    for name, value in all_numbers().items():
        here = as_published(value, PUBLISHED[name])
        right = here == PUBLISHED[name]
        print(f"{'ok ' if right else 'NOT'} {name:24} {here}, page {PUBLISHED[name]}")
        wrong += not right
    for t in (1, 4):
        pairs = zip(sum(gradient(t), []), sum(slopes(t), []))
        far = max(abs(formula - slope) for formula, slope in pairs)
        print(f"T={t} gradient: formula and slopes differ by at most {far:.1e}")
        wrong += far > 1e-9
    far = alpha_slopes_differ_by()
    print(f"alpha-divergence gradient: formula and slopes differ by at most {far:.1e}")
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
