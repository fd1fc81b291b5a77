"""A moment in a video, as people read it."""

from fractions import Fraction


def clock(seconds: float | Fraction) -> str:
    """0:03.2"""
    minutes, rest = divmod(round(10 * seconds), 600)
    return f"{minutes}:{rest // 10:02}.{rest % 10}"
