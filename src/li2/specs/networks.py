"""Which keys of a network go together."""

from typing import TYPE_CHECKING

from li2.specs.parsing import parse_activation

if TYPE_CHECKING:
    from li2.specs.run_spec import RunSpec


def impossible_network(spec: "RunSpec") -> str | None:
    """Why there is no network of such keys, in one sentence; None if there is."""
    return _transformer(spec) or _complex(spec) or _ridge(spec)


def _transformer(spec: "RunSpec") -> str | None:
    if spec.architecture != "transformer":
        return None
    given = [
        f"{name}={getattr(spec, name)}"
        for name, wanted in (
            ("residual", "none"),
            ("embedding", "one-hot"),
            ("weights", "real"),
            ("top_layer", "trained"),
            ("init", "published"),
            ("init_weights", None),
        )
        if getattr(spec, name) != wanted
    ]
    if given:
        return f"{given[0]} is for architecture=mlp; leave it out for a transformer."
    if spec.width % spec.heads:
        return f"a transformer of width={spec.width} cannot have heads={spec.heads}: they must divide the width."
    return None


def _complex(spec: "RunSpec") -> str | None:
    if spec.weights != "complex":
        return None
    if parse_activation(spec.activation)[0] not in ("square", "cube", "polynomial"):
        return f"weights=complex needs a polynomial activation (square, cube, a*x+b*x**2), not {spec.activation}."
    if spec.layers > 1 or spec.embedding != "one-hot":
        return "weights=complex is for one hidden layer on one-hot inputs; leave out layers and embedding."
    return None


def _ridge(spec: "RunSpec") -> str | None:
    if spec.top_layer != "ridge":
        return None
    if spec.loss not in ("mse", "mse-centred"):
        return f"top_layer=ridge needs loss=mse or loss=mse-centred; {spec.loss} has no ridge solution."
    if spec.batch_size is not None:
        return "top_layer=ridge takes all training samples in a step; leave out batch_size."
    if spec.ridge is None and not spec.weight_decay:
        return "top_layer=ridge needs η: give ridge=… or a weight_decay above 0."
    return None
