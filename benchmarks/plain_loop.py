"""The default run as one would write it by hand: one-hot products, autograd, torch.optim.Adam, no diagnosis.

python benchmarks/plain_loop.py [EPOCHS]
"""

import sys

import torch
from torch.nn.functional import one_hot


class PlainLoop:
    """Addition mod M on n of the pairs with K nodes, σ(x) = x²; metrics of training and test pairs each epoch."""

    def __init__(self, M: int, K: int, n: int, seed: int = 0, device: str = "cpu") -> None:
        torch.manual_seed(seed)
        pairs = torch.cartesian_prod(torch.arange(M), torch.arange(M))
        self.M, self.n = M, n
        self.X = one_hot(pairs, M).reshape(M * M, 2 * M).float().to(device)
        self.labels = (pairs.sum(dim=1) % M).to(device)
        order = torch.randperm(M * M)
        self.train, self.test = order[:n].to(device), order[n:].to(device)
        self.W = torch.nn.Linear(2 * M, K, bias=False, device=device)
        self.V = torch.nn.Linear(K, M, bias=False, device=device)
        self.optimizer = torch.optim.Adam([*self.W.parameters(), *self.V.parameters()], lr=1e-3, weight_decay=2e-4)

    def evaluate(self, part: torch.Tensor) -> tuple[torch.Tensor, float]:
        """Loss and accuracy."""
        outputs = self.V(self.W(self.X[part]).square())
        centred = outputs - outputs.mean(dim=1, keepdim=True)
        targets = one_hot(self.labels[part], self.M) - 1 / self.M
        accuracy = (outputs.argmax(dim=1) == self.labels[part]).float().mean().item()
        return (centred - targets).square().sum(dim=1).mean(), accuracy

    def epoch(self) -> tuple[float, float]:
        """Accuracies on training and test pairs, and one step."""
        self.optimizer.zero_grad()
        loss, train_accuracy = self.evaluate(self.train)
        with torch.no_grad():
            _, test_accuracy = self.evaluate(self.test)
        loss.backward()
        self.optimizer.step()
        return train_accuracy, test_accuracy


def main(epochs: int) -> None:
    """Train as ``li2 run`` does by default, and print the last accuracies."""
    loop = PlainLoop(M=71, K=2048, n=2016)
    for _ in range(epochs + 1):
        train_accuracy, test_accuracy = loop.epoch()
    print(f"train {train_accuracy:.3f}  test {test_accuracy:.3f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 400)
