"""Looks: what the generator has seen of faces, kept for passes that show it the same ones again.

Where only the motion of lips is wanted of it, it is shown a shot's face at rest with every frame:
then a third of its layers would compute the same again and again.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch

KEPT = 4  # passes' faces, those of the last ones: as many jobs take turns at most as a rule

Seen = list[torch.Tensor]


class Known(NamedTuple):
    """The faces of a pass, and what was seen of them."""

    faces: Sequence[np.ndarray]
    seen: Seen


class Looks:
    """It is for one thread."""

    def __init__(self, look: Callable[[Sequence[np.ndarray]], Seen]) -> None:
        """`look` shows the faces of a pass to the generator."""
        self._look = look
        self._known: list[Known] = []  # the newest first

    def at(self, faces: Sequence[np.ndarray]) -> Seen:
        """What is seen of the faces of a pass; never write to either."""
        known = next((each for each in self._known if is_same(each.faces, faces)), None)
        if known is None:
            known = Known(faces, self._look(faces))
        self._known = [known, *(each for each in self._known if each is not known)][:KEPT]
        return known.seen

    def forget(self) -> None:
        """Hold no memory of the device any more."""
        self._known = []


def is_same(faces: Sequence[np.ndarray], others: Sequence[np.ndarray]) -> bool:
    """Whether they are the same to the last sample."""
    return all(map(np.array_equal, faces, others))
