"""The default run as one would write it by hand: one-hot products, autograd, torch.optim.Adam, no diagnosis.

python benchmarks/plain_loop.py [EPOCHS]
"""

import sys

import torch
from torch.nn.functional import one_hot


def main(epochs: int, M: int = 71, K: int = 2048, n: int = 2016) -> None:
    """Train as ``li2 run`` does by default, and print the last accuracies."""
    torch.manual_seed(0)
    pairs = torch.cartesian_prod(torch.arange(M), torch.arange(M))
    order = torch.randperm(M * M)
    X = one_hot(pairs, M).reshape(M * M, 2 * M).float()
    labels = pairs.sum(dim=1) % M
    train, test = order[:n], order[n:]
    W = torch.nn.Linear(2 * M, K, bias=False)
    V = torch.nn.Linear(K, M, bias=False)
    optimizer = torch.optim.Adam([*W.parameters(), *V.parameters()], lr=1e-3, weight_decay=2e-4)

    def evaluate(part: torch.Tensor) -> tuple[torch.Tensor, float]:
        outputs = V(W(X[part]).square())
        centred = outputs - outputs.mean(dim=1, keepdim=True)
        loss = (centred - one_hot(labels[part], M) + 1 / M).square().sum(dim=1).mean()
        return loss, (outputs.argmax(dim=1) == labels[part]).float().mean().item()

    for epoch in range(epochs + 1):
        optimizer.zero_grad()
        loss, train_accuracy = evaluate(train)
        with torch.no_grad():
            _, test_accuracy = evaluate(test)
        if epoch < epochs:
            loss.backward()
            optimizer.step()
    print(f"train {train_accuracy:.3f}  test {test_accuracy:.3f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 400)
