"""Levelling: of what is too much for all together, who has the most loses first."""

import heapq
from collections.abc import Mapping, Sequence


def levelled(sizes: Mapping[int, Sequence[int]], most: int) -> dict[int, int]:
    """How many of each owner's have to go, in the order of their sizes, until `most` is kept.

    One after the other goes from the owner who has the most then; of equals it is the one who had
    more at first, and then the one who is named first. So nobody loses anything to somebody who
    had more, and what all owners are left with is as even as the sizes allow.
    """
    had = {owner: sum(each) for owner, each in sizes.items() if each}
    heap = [(-has, -has, place, owner) for place, (owner, has) in enumerate(had.items())]
    heapq.heapify(heap)
    gone, left = dict.fromkeys(sizes, 0), sum(had.values())
    while left > most and heap:
        has, first, place, owner = heapq.heappop(heap)
        size = sizes[owner][gone[owner]]
        gone[owner] += 1
        left -= size
        if gone[owner] < len(sizes[owner]):
            heapq.heappush(heap, (has + size, first, place, owner))
    return gone
