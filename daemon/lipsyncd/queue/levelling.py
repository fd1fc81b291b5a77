"""Levelling: of what is too much for all together, who has the most loses first."""

import heapq
from collections.abc import Mapping, Sequence

from lipsyncd.protocol.user import User


def levelled(sizes: Mapping[User, Sequence[int]], most: int) -> dict[User, int]:
    """How many of each user's have to go, in the order of their sizes, until `most` is kept.

    One after the other goes from the user who has the most then; of equals it is the one who had
    more at first, and then the one who is named first. So nobody loses anything to somebody who
    had more, and what all users are left with is as even as the sizes allow.
    """
    had = {user: sum(each) for user, each in sizes.items() if each}
    heap = [(-has, -has, place, user) for place, (user, has) in enumerate(had.items())]
    heapq.heapify(heap)
    gone, left = dict.fromkeys(sizes, 0), sum(had.values())
    while left > most and heap:
        has, first, place, user = heapq.heappop(heap)
        size = sizes[user][gone[user]]
        gone[user] += 1
        left -= size
        if gone[user] < len(sizes[user]):
            heapq.heappush(heap, (has + size, first, place, user))
    return gone
