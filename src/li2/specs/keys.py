"""The keys of a run: default, range and meaning of each, stated once for help, errors and checks."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Key:
    """One key of a run's specification.

    Attributes:
        name: as written in ``KEY=VALUE``.
        default: its default; None where it is unset.
        range: what values it takes, in words that finish the sentence "it must be …".
        meaning: what it does.
    """

    name: str
    default: Any
    range: str
    meaning: str


_CHOICES = {
    "split": ("li2", "sklearn"),
    "architecture": ("mlp", "transformer"),
    "residual": ("none", "inside", "around"),
    "embedding": ("one-hot", "trainable"),
    "loss": ("mse", "mse-centred", "cross-entropy", "stablemax"),
    "optimizer": ("adam", "adamw", "sgd", "muon"),
    "muon": ("published", "torch", "exact"),
    "top_layer": ("trained", "ridge"),
    "init": ("published", "published-separate", "gaussian"),
    "stop": ("never", "generalised", "decided"),
    "dtype": ("float32", "float64"),
    "centring": ("samples", "classes", "none"),
    "weights": ("real", "complex"),
    "geometry": ("adam", "sgd", "muon", "gradient"),
    "whitening": ("none", "one-sided", "both", "additive-free"),
    "walk": ("sphere", "free"),
}


def choices(name: str) -> tuple[str, ...]:
    """The values of a key that takes one of a few names; empty for other keys."""
    return _CHOICES.get(name, ())


def _one_of(name: str) -> str:
    *head, last = _CHOICES[name]
    return f"{', '.join(head)} or {last}"


_ALL = [
    Key(
        "group",
        "cyclic:71",
        "a name such as cyclic:71, product:4x7x2, dihedral:4*cyclic:3, small:21.1 or file:PATH (a Cayley table, "
        "CSV or NPY; li2 groups show --help has them all), or expression:POLYNOMIAL mod P (in "
        "x and y; for more operands in x, y, z, w or x1, x2, …)",
        "the task: the network learns the product of two elements, or the polynomial's value",
    ),
    Key(
        "operands",
        2,
        "a whole number ≥ 2",
        "k: the network learns the product x₁·x₂·…·x_k; polynomials are in x, y, z, w for up to four operands, in "
        "x1, x2, … for more",
    ),
    Key(
        "architecture",
        "mlp",
        _one_of("architecture"),
        "mlp: hidden layers of nodes and a linear top layer; transformer: a small encoder, as a baseline",
    ),
    Key(
        "width", 2048, "a whole number ≥ 1", "K, the number of hidden nodes (of each layer; a transformer's model size)"
    ),
    Key("layers", 1, "a whole number from 1 to 64", "L, the number of hidden layers (a transformer's encoder layers)"),
    Key(
        "residual",
        "none",
        _one_of("residual"),
        "what hidden layers from the second on make of F: σ(FW); inside: σ(F + FW), as published; around: F + σ(FW)",
    ),
    Key(
        "embedding",
        "one-hot",
        _one_of("embedding"),
        "what stands for an element: its one-hot vector, or a row of a matrix that is trained, too",
    ),
    Key("weights", "real", _one_of("weights"), "complex weights: the output is the real part; for a polynomial σ"),
    Key("heads", 4, "a whole number ≥ 1", "attention heads of a transformer; they divide width"),
    Key("feedforward", 2048, "a whole number ≥ 1", "nodes of the feed-forward part of a transformer's layers"),
    Key("train_fraction", 0.4, "> 0 and < 1", "share of all pairs (tuples of k operands) used for training"),
    Key("train_size", None, "a whole number ≥ 1", "number of training pairs, instead of train_fraction"),
    Key(
        "critical_delta",
        None,
        "a number < 2.7482",
        "train on the fraction (2.7482 − critical_delta)·ln M/M of all pairs (times d_max/2 for a non-Abelian group), "
        "instead of train_fraction; for two operands",
    ),
    Key(
        "train_index",
        None,
        "an NPY file of whole numbers a·M + b (Σ aᵢ·M^(k−i) for k operands)",
        "the training pairs themselves, instead of train_fraction",
    ),
    Key(
        "split",
        "li2",
        _one_of("split"),
        "who draws the training pairs; sklearn gives train_test_split's with random_state=seed",
    ),
    Key(
        "test_size",
        None,
        "a whole number ≥ 1",
        "number of pairs tested, a random sample of those not trained on, drawn once; default: all of them",
    ),
    Key(
        "activation",
        "square",
        "square, cube, relu, silu, relu2, tanh, sigmoid or a polynomial a*x+b*x**2",
        "σ, the hidden nodes' non-linearity",
    ),
    Key(
        "loss",
        "mse",
        _one_of("loss"),
        "mse: centred over classes (as published); mse-centred: centred over samples (as in the paper); "
        "both averaged over samples, without ½; stablemax: cross-entropy with x + 1, or 1/(1 − x) for "
        "x < 0, instead of softmax's exponentials",
    ),
    Key(
        "optimizer",
        "adam",
        _one_of("optimizer"),
        "adam and sgd with coupled weight decay, adamw decoupled; muon: V by adam, all other matrices by Muon "
        "(decoupled)",
    ),
    Key(
        "muon",
        "published",
        _one_of("muon"),
        "variant of optimizer=muon: as published, torch.optim.Muon's defaults, or the exact polar factor",
    ),
    Key(
        "top_layer",
        "trained",
        _one_of("top_layer"),
        "V is trained like the rest, or always the ridge solution of the current features (the rest is trained)",
    ),
    Key("ridge", None, "a number > 0", "η of top_layer=ridge; default n·weight_decay/2; 1e-3 is published"),
    Key("lr", 1e-3, "a number > 0 and ≤ 1e9", "learning rate"),
    Key("weight_decay", 2e-4, "a number ≥ 0 and ≤ 1e9", "weight decay of all weights"),
    Key("momentum", 0.9, "≥ 0 and < 1", "momentum of sgd"),
    Key("beta1", 0.9, "≥ 0 and < 1", "decay of adam's first moment"),
    Key("beta2", 0.999, "≥ 0 and < 1", "decay of adam's second moment"),
    Key(
        "schedule",
        "constant",
        "constant, cosine, cosine:T or step:S:G",
        "learning rate over the epochs: cosine falls to 0 at the last epoch (or epoch T), step multiplies by G "
        "every S epochs",
    ),
    Key("epochs", 400, "a whole number ≥ 0", "number of passes over the training set"),
    Key(
        "batch_size",
        None,
        "a whole number ≥ 1",
        "training pairs in a step, taken in a fresh random order in each epoch; default: all, one step an epoch",
    ),
    Key(
        "seed",
        0,
        "a whole number from 0 to 4294967295",
        "draws the split, the initial weights, the order of minibatches and the test sample",
    ),
    Key(
        "init",
        "published",
        _one_of("init"),
        "initial weights: uniform ±1/√(kM) below and ±1/√K above; ±1/√M below (until 2025-09-18); or normal "
        "with the standard deviations of the first",
    ),
    Key("hidden_scale", 1.0, "a number ≥ 0 and ≤ 1e9", "factor on the initial hidden weights"),
    Key("top_scale", 1.0, "a number ≥ 0 and ≤ 1e9", "factor on the initial top weights; 0 is zero-init"),
    Key("output_scale", 1.0, "a number > 0 and ≤ 1e9", "β, factor on the network's output"),
    Key(
        "init_weights",
        None,
        "a safetensors file with W [kM, K] and V [K, M]; for deeper networks also W2, … [K, K] and E [M, M]",
        "start from these weights (init and the scales are then not used)",
    ),
    Key("dtype", "float32", _one_of("dtype"), "floating-point type of the training"),
    Key("device", "auto", "auto, cpu, cuda or cuda:N", "where to train; auto takes a GPU if there is one"),
    Key(
        "diagnose",
        "auto",
        "auto, off, every:N, log:N (a decade) or at:E.E.E",
        "epochs at which features, gradients and repulsion are measured and weights kept",
    ),
    Key(
        "measure",
        "every:1",
        "every:N or log:N (a decade)",
        "epochs at which losses, accuracies and norms are measured; the last epoch and diagnosed ones always are",
    ),
    Key(
        "stop",
        "never",
        _one_of("stop"),
        "end before the last epoch: once the run has generalised; or also once it is foreseen that it will not",
    ),
    Key(
        "accuracy_threshold",
        0.99,
        "> 0 and ≤ 1",
        "test accuracy from which the run counts as generalised",
    ),
    Key(
        "purity_threshold",
        0.9,
        "> 0.5 and ≤ 1",
        "share of a node's mass in one copy of an irrep from which it counts as that irrep's feature",
    ),
]

KEYS: dict[str, Key] = {key.name: key for key in _ALL}
"""The keys of a run."""

LANDSCAPE_KEYS: dict[str, Key] = {
    "group": KEYS["group"],
    "activation": KEYS["activation"],
    "train_fraction": Key(
        "train_fraction", None, "> 0 and < 1", "share of all pairs that the energy is taken on; default: all of them"
    ),
    "train_size": Key("train_size", None, "a whole number ≥ 1", "number of pairs, instead of train_fraction"),
    "train_index": KEYS["train_index"],
    "split": KEYS["split"],
    "centring": Key(
        "centring",
        "samples",
        _one_of("centring"),
        "how Ỹ is centred: P₁Y over the samples, Y − 1/M over the classes, or Y as it is",
    ),
    "weights": Key(
        "weights",
        "real",
        _one_of("weights"),
        "whether nodes are real or complex; complex ones need a polynomial σ (square, cube, a*x+b*x**2)",
    ),
    "starts": Key(
        "starts", 200, "a whole number from 1 to 1,000,000", "ascents, from random points of the unit sphere"
    ),
    "seed": Key("seed", 0, "a whole number ≥ 0 and < 2³²", "draws the starts and the split"),
    "device": KEYS["device"],
}
"""The keys of a landscape."""

ASCENT_KEYS: dict[str, Key] = {
    **{
        name: KEYS[name]
        for name in ("group", "train_fraction", "train_size", "critical_delta", "train_index", "split", "activation")
    },
    "loss": Key("loss", "mse", "mse or mse-centred", "whether F and Y are centred over the classes or the samples"),
    "seed": Key("seed", 0, KEYS["seed"].range, "draws the first training set and its initial weights"),
    "subsets": Key("subsets", 3, "a whole number from 1 to 10,000", "training sets, of as many seeds in turn"),
    **{
        name: KEYS[name]
        for name in ("width", "init", "hidden_scale", "weight_decay", "muon", "momentum", "beta1", "beta2")
    },
    "nodes": Key(
        "nodes", 48, "a whole number from 1 to 100,000", "how many climb: the first ones of the initial layer"
    ),
    "steps": Key("steps", 2500, "a whole number ≥ 0", "how many steps they take"),
    "lr": Key("lr", 2e-3, KEYS["lr"].range, "learning rate of these steps"),
    "geometry": Key(
        "geometry",
        "adam",
        _one_of("geometry"),
        "whose steps: those of an optimiser, or projected gradient ascent with adapting steps",
    ),
    "walk": Key(
        "walk",
        "sphere",
        _one_of("walk"),
        "nodes keep length one; or start with their initial weights and move freely, with weight decay",
    ),
    "whitening": Key(
        "whitening",
        "both",
        _one_of("whitening"),
        "what they climb: E = ½‖Ỹᵀσ(Xw)‖², its gradient with P_η on one side or on both, or E without what is additive "
        "in the operands",
    ),
    "eta": Key("eta", None, "a number > 0", "η of P_η; default n·weight_decay/2"),
}
"""The keys of an ascent of a few nodes."""

VERIFY_KEYS: dict[str, Key] = {
    "claims": Key("claims", (), "names of claims", "which claims; default: all"),
    "group": Key(
        "group", (), "names of groups with commas between them", "where to measure; default: each claim's own choice"
    ),
    "all_small_groups": Key(
        "all_small_groups", None, "a whole number from 2 to 127", "measure on all groups of order 2 to N instead"
    ),
    "scale": Key("scale", "quick", "quick or paper", "seconds for each claim, or the full laws"),
    "seed": Key("seed", 0, "a whole number ≥ 0 and < 2³²", "of everything random"),
}
"""The keys of a verification; on the command line ``group`` and ``seed`` are KEY=VALUE words."""


def keys_table(keys: dict[str, Key] = KEYS) -> list[tuple[str, str, str, str]]:
    """(name, default, range, meaning) of every key, as texts for help pages."""
    return [
        (key.name, "–" if key.default is None else str(key.default), key.range, key.meaning) for key in keys.values()
    ]
