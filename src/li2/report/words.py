"""What a run came to, in words for someone who has not read the paper."""

from li2.runs import RunResult
from li2.specs import EndState, RunSpec

STAGE_MEANINGS = {
    "lazy": "The hidden layer rests and the top layer fits its random features: the network memorises. The gradient "
    "that reaches the hidden layer begins to carry the labels.",
    "independent": "Each hidden node climbs an energy of its own towards a feature of the group, as if the others "
    "were not there.",
    "interactive": "Features are there. Nodes that resemble each other repel, and the gradient turns to what is "
    "still missing.",
    "generalised": "The network answers pairs that it has never seen.",
}


def network(spec: RunSpec) -> str:
    """What is trained, in a few words."""
    if spec.architecture == "transformer":
        return f"a transformer of width {spec.width} with {spec.layers} layer{'s' if spec.layers > 1 else ''}"
    embedding = ", trained embedding" if spec.embedding == "trainable" else ""
    if spec.layers == 1:
        return f"{spec.width} hidden nodes{embedding}"
    return f"{spec.layers} layers of {spec.width} hidden nodes{embedding}"


def verdict(result: RunResult) -> str:
    """One or two sentences on how the run ended."""
    outcome = result.outcome
    sentence = _VERDICTS[outcome.status](result)
    if outcome.interrupted:
        return f"Interrupted at epoch {outcome.epochs} of {result.spec.epochs}. So far: {sentence}"
    return sentence


def _generalised(result: RunResult) -> str:
    epoch = result.stages[-1].first_epoch
    memorised = result.outcome.first_epoch["train_accuracy_1"]
    sentence = f"The network generalised: its test accuracy reached {result.spec.accuracy_threshold:g} at epoch {epoch}"
    if epoch is not None and memorised is not None and memorised < epoch:
        return f"{sentence}, {epoch - memorised} epochs after it had learned all training pairs (epoch {memorised})."
    return f"{sentence}."


def _memorised(result: RunResult) -> str:
    return (
        "The network memorised: it knows all training pairs (from epoch "
        f"{result.outcome.first_epoch['train_accuracy_1']} on), but not the rule. Its test accuracy of "
        f"{result.outcome.final['test_accuracy']:.3f} did not move over the last fifth of the run."
    )


def _collapsed(result: RunResult) -> str:
    return (
        "The network collapsed: weight decay took its weights to zero, and the loss to that of a zero output. "
        "Less weight decay would keep it alive (η = n·weight_decay/2 grows with the data)."
    )


def _diverged(result: RunResult) -> str:
    return (
        f"The training diverged: its numbers became infinite at epoch {result.outcome.epochs}. "
        "A smaller learning rate or smaller initial weights would keep it stable."
    )


def _learning(result: RunResult) -> str:
    final = result.outcome.final
    return (
        f"The network was still learning when its {result.outcome.epochs} epochs ended: training accuracy "
        f"{final['train_accuracy']:.3f}, test accuracy {final['test_accuracy']:.3f}. "
        "More epochs would tell (--resume DIR epochs=N)."
    )


_VERDICTS = {
    EndState.GENERALISED: _generalised,
    EndState.MEMORISED: _memorised,
    EndState.COLLAPSED: _collapsed,
    EndState.DIVERGED: _diverged,
    EndState.LEARNING: _learning,
}
