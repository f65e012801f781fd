"""One small suite of sums, answered with seeded mistakes; each tool scores the same answers."""

import random
from dataclasses import dataclass

TRIALS = 2


@dataclass(frozen=True)
class Sum:
    """A question, what is right, and what the answers of its trials were."""

    id: str
    question: str
    right: str
    answers: tuple[str, ...]


def sums(seed: int = 7) -> list[Sum]:
    """Six sums; the scorers raise an error at the third, by its id."""
    draw = random.Random(seed)
    made = []
    for number in range(1, 7):
        left, right = draw.randint(10, 99), draw.randint(10, 99)
        answers = tuple(str(left + right + (draw.random() < 0.4)) for _ in range(TRIALS))
        made.append(Sum(f"sum-{number}", f"{left} + {right}", str(left + right), answers))
    return made


def closeness(answer: str, right: str) -> float:
    """A score from 0 to 1."""
    return round(1 / (1 + abs(int(answer) - int(right))), 3)
